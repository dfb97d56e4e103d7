import type { ErrorBody } from "./wire";

/** What went wrong between the page and the server, in words for a person and in fields for the code. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    message: string,
    /** HTTP status; 0 where no answer came at all, or where the error came inside a stream. */
    readonly status: number,
    readonly param: string | null = null,
    /** Seconds that the server asked us to wait. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  get gone(): boolean {
    return this.status === 0 && this.param === "connection";
  }
}

export function connectionLost(): ApiError {
  return new ApiError("The connection to the server was lost.", 0, "connection");
}

/** An OpenAI error object ({"error": {...}}), or the bare inner object, as one ApiError. */
export function fromErrorBody(body: unknown, status: number, retryAfter: number | null = null): ApiError {
  const inner = (body as ErrorBody | null)?.error ?? body;
  const message =
    typeof inner === "string"
      ? inner
      : ((inner as { message?: unknown } | null)?.message ?? `HTTP ${status}`);
  const param = (inner as { param?: string | null } | null)?.param ?? null;
  return new ApiError(String(message), status, typeof param === "string" ? param : null, retryAfter);
}

/** Reads the error out of a response that is not ok. */
export async function fromResponse(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  const text = await response.text().catch(() => "");
  try {
    return fromErrorBody(JSON.parse(text), response.status, retryAfter);
  } catch {
    return new ApiError(
      `The server answered with HTTP ${response.status}.`,
      response.status,
      null,
      retryAfter,
    );
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
