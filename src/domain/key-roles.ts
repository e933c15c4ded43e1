/** What an API key may do. An admin may do everything that the others may. */
export type KeyRole = 'gateway' | 'finance' | 'owner' | 'admin';
