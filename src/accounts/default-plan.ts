/** The plan of an entity that nobody has put on another. */
export const DEFAULT_PLAN = 'free';
