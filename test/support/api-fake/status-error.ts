/** A metav1.Status that the fake answers with. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly retryAfter: number | undefined;
  /** The field at fault. */
  readonly field: string | undefined;

  constructor(code: number, reason: string, message: string, retryAfter?: number, field?: string) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
    this.field = field;
  }

  get status(): object {
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: this.code, reason: this.reason, message: this.message, ...(this.field === undefined ? {} : { details: { causes: [{ field: this.field, message: this.message }] } }) };
  }
}

export const notFound = (what: string): StatusError => new StatusError(404, 'NotFound', `${what} not found`);
export const conflict = (message: string): StatusError => new StatusError(409, 'Conflict', message);
export const alreadyExists = (what: string): StatusError => new StatusError(409, 'AlreadyExists', `${what} already exists`);
export const forbidden = (message: string): StatusError => new StatusError(403, 'Forbidden', message);
export const invalid = (message: string): StatusError => new StatusError(422, 'Invalid', message);
export const immutableField = (field: string): StatusError => new StatusError(422, 'Invalid', `${field}: Invalid value: field is immutable`, undefined, field);
export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);
export const expired = (): StatusError => new StatusError(410, 'Expired', 'too old resource version');
