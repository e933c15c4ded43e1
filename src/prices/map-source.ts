/** The source of a price that an import published. Prices with any other were set by somebody. */
export const MAP_SOURCE = 'price map';
