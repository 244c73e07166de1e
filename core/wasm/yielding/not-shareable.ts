/** Why a module cannot have yield checks. Caught by the rewriter, which answers it; no failure of the module. */
export class NotShareable extends Error {}
