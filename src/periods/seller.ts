/** Who issues statements and the rows of exports: the operator, by its settings. */
export type Seller = { readonly name: string; readonly address: string | null };

export const SELLER = Symbol('seller');
