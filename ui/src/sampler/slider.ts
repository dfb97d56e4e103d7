import type { Field } from "./schema";

/**
 * A slider's travel, 0 to 1, against a parameter's range. Where the usual value is small beside the range (0.1 in
 * 0 to 20), the travel is cubic around zero, so that small values have room too.
 */
export interface Travel {
  toValue: (position: number) => number;
  toPosition: (value: number) => number;
}

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

function rounded(value: number, integer: boolean): number {
  return integer ? Math.round(value) : Number(value.toPrecision(3));
}

/** Null for a field without a finite range: it has a number to type, and no slider. */
export function travelOf(field: Field, usual: number): Travel | null {
  const { minimum: low, maximum: high, kind } = field;
  if (low === null || high === null || !(high > low)) return null;
  const origin = clamp(0, low, high);
  const extent = Math.max(high - origin, origin - low);
  const power = Math.abs(usual - origin) < 0.15 * extent && extent > 1 ? 3 : 1;
  const bend = (x: number) => Math.sign(x) * Math.abs(x) ** power;
  const unbend = (x: number) => Math.sign(x) * Math.abs(x) ** (1 / power);
  const from = unbend((low - origin) / extent);
  const to = unbend((high - origin) / extent);
  return {
    toValue: (position) =>
      clamp(rounded(origin + extent * bend(from + (to - from) * position), kind === "integer"), low, high),
    toPosition: (value) => (unbend((clamp(value, low, high) - origin) / extent) - from) / (to - from),
  };
}
