/** `wasi:http/types.error-code`, alike in 0.2 and 0.3. */
export type ErrorCode =
  | {
      readonly tag:
        | 'DNS-timeout' | 'destination-not-found' | 'destination-unavailable' | 'destination-IP-prohibited' | 'destination-IP-unroutable'
        | 'connection-refused' | 'connection-terminated' | 'connection-timeout' | 'connection-read-timeout' | 'connection-write-timeout'
        | 'connection-limit-reached' | 'TLS-protocol-error' | 'TLS-certificate-error' | 'HTTP-request-denied' | 'HTTP-request-length-required'
        | 'HTTP-request-method-invalid' | 'HTTP-request-URI-invalid' | 'HTTP-request-URI-too-long' | 'HTTP-response-incomplete'
        | 'HTTP-response-timeout' | 'HTTP-upgrade-failed' | 'HTTP-protocol-error' | 'loop-detected' | 'configuration-error';
    }
  | { readonly tag: 'DNS-error'; readonly val: { readonly rcode: string | undefined; readonly infoCode: number | undefined } }
  | { readonly tag: 'TLS-alert-received'; readonly val: { readonly alertId: number | undefined; readonly alertMessage: string | undefined } }
  | { readonly tag: 'HTTP-request-body-size' | 'HTTP-response-body-size'; readonly val: bigint | undefined }
  | {
      readonly tag: 'HTTP-request-header-section-size' | 'HTTP-request-trailer-section-size' | 'HTTP-response-header-section-size' | 'HTTP-response-trailer-section-size';
      readonly val: number | undefined;
    }
  | { readonly tag: 'HTTP-response-transfer-coding' | 'HTTP-response-content-coding' | 'internal-error'; readonly val: string | undefined };

/** A message that cannot be sent or received on. */
export class HttpFailure extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, options?: ErrorOptions) {
    super(code.tag, options);
    this.name = 'HttpFailure';
    this.code = code;
  }
}

const bySystemError: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: { tag: 'connection-refused' },
  ECONNRESET: { tag: 'connection-terminated' },
  EPIPE: { tag: 'connection-terminated' },
  ECONNABORTED: { tag: 'connection-terminated' },
  ETIMEDOUT: { tag: 'connection-timeout' },
  EHOSTUNREACH: { tag: 'destination-IP-unroutable' },
  ENETUNREACH: { tag: 'destination-IP-unroutable' },
  EADDRNOTAVAIL: { tag: 'destination-IP-unroutable' },
  EMFILE: { tag: 'connection-limit-reached' },
  HPE_HEADER_OVERFLOW: { tag: 'HTTP-response-header-section-size', val: undefined },
  EPROTO: { tag: 'TLS-protocol-error' },
  ERR_SSL_WRONG_VERSION_NUMBER: { tag: 'TLS-protocol-error' },
};

const certificateErrors = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|CRL_)/;

/** What the guest is told of a failure of Node's. Its text stays here: it may name the host's affairs. */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof HttpFailure) return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return errorCodeOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = bySystemError[code];
  if (known !== undefined) return known;
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return { tag: 'DNS-error', val: { rcode: code === 'ENOTFOUND' ? 'NXDOMAIN' : 'SERVFAIL', infoCode: undefined } };
  if (code.startsWith('HPE_')) return { tag: 'HTTP-protocol-error' };
  if (certificateErrors.test(code)) return { tag: 'TLS-certificate-error' };
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return { tag: 'TLS-protocol-error' };
  return { tag: 'internal-error', val: undefined };
}
