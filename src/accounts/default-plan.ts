/** The plan of an entity that nobody created. */
export const DEFAULT_PLAN = 'free';
