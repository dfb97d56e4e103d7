/** Series over an answer's tokens: growing typed arrays, trailing averages and slopes. */
import { type Measure, measureOf } from "@/lib/metrics";
import type { TokenRecord } from "@/types";

/**
 * Numbers that arrive one by one, in a typed array that doubles when it is full, so that a plot of a streaming answer
 * never copies what it already has.
 */
export class Growing {
  #buffer = new Float64Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.#buffer.length) this.#grow(this.length * 2);
    this.#buffer[this.length++] = value;
  }

  /** Room for `length` values, the new ones NaN; returns the buffer that holds them. */
  resize(length: number): Float64Array {
    if (length > this.#buffer.length) this.#grow(Math.max(length, this.#buffer.length * 2));
    if (length > this.length) this.#buffer.fill(Number.NaN, this.length, length);
    this.length = length;
    return this.#buffer;
  }

  /** The values so far; a view, valid until the next push. */
  get values(): Float64Array {
    return this.#buffer.subarray(0, this.length);
  }

  #grow(capacity: number): void {
    const larger = new Float64Array(capacity);
    larger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = larger;
  }
}

/**
 * Trailing mean of the last `window` values (fewer at the start), for indices from..length-1. Values that are not finite
 * are left out. A trailing window never changes what is already drawn while an answer streams.
 */
export function movingAverage(values: Float64Array, window: number, into: Growing, from = 0): Float64Array {
  const out = into.resize(values.length);
  for (let i = from; i < values.length; i++) out[i] = meanAt(values, window, i);
  return into.values;
}

function meanAt(values: ArrayLike<number>, window: number, i: number): number {
  let sum = 0;
  let count = 0;
  for (let k = Math.max(0, i - window + 1); k <= i; k++) {
    const value = values[k] as number;
    if (Number.isFinite(value)) {
      sum += value;
      count++;
    }
  }
  return count > 0 ? sum / count : Number.NaN;
}

/**
 * Mean and slope of a metric over the last `window` of these tokens, as many as there are; null where too few have a value:
 * one for a mean, two for a slope.
 */
export function windowOf(
  tokens: readonly TokenRecord[],
  metric: Measure,
  window: number,
): { mean: number | null; slope: number | null } {
  const values = tokens.slice(-window).map((token) => measureOf(token, metric));
  const known = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    mean: known(meanAt(values, window, values.length - 1)),
    slope: known(slopeAt(values, window, values.length - 1)),
  };
}

/** Least-squares slope of the last `window` values against their index, in units a token; NaN for fewer than two. */
export function movingSlope(values: Float64Array, window: number, into: Growing, from = 0): Float64Array {
  const out = into.resize(values.length);
  for (let i = from; i < values.length; i++) out[i] = slopeAt(values, window, i);
  return into.values;
}

function slopeAt(values: ArrayLike<number>, window: number, i: number): number {
  // Positions count from i, so that the sums stay small however long the answer is.
  let n = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let sxy = 0;
  for (let k = Math.max(0, i - window + 1); k <= i; k++) {
    const y = values[k] as number;
    if (!Number.isFinite(y)) continue;
    const x = k - i;
    n++;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  return n < 2 ? Number.NaN : (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/** Smallest and largest finite value of a range of indices, or null where there is none. */
export function extent(values: ArrayLike<number>, from = 0, to = values.length): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = Math.max(0, from); i < Math.min(values.length, to); i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/**
 * One measure of one answer with its trailing average and slope, kept as the answer grows: only what is new is computed,
 * unless the tokens were replaced or the window changed.
 */
export class MeasureSeries {
  readonly #raw = new Growing();
  readonly #average = new Growing();
  readonly #slope = new Growing();
  #first: TokenRecord | undefined;
  #last: TokenRecord | undefined;
  #window = 0;
  /** Counts how often values that were there have changed, as opposed to new ones having come. */
  generation = 0;

  constructor(readonly measure: Measure) {}

  /** Brings the series up to these tokens, with a window of `window` tokens. */
  update(tokens: readonly TokenRecord[], window: number): this {
    const known = this.#raw.length;
    const same = tokens.length >= known && tokens[0] === this.#first && tokens[known - 1] === this.#last;
    if (!same || known === 0) this.#raw.resize(0);
    for (let i = this.#raw.length; i < tokens.length; i++) {
      this.#raw.push(measureOf(tokens[i] as TokenRecord, this.measure));
    }
    const from = same && window === this.#window ? known : 0;
    if (from < known) this.generation++;
    if (from < tokens.length || !same) {
      movingAverage(this.raw, window, this.#average, from);
      movingSlope(this.raw, window, this.#slope, from);
    }
    this.#first = tokens[0];
    this.#last = tokens.at(-1);
    this.#window = window;
    return this;
  }

  get raw(): Float64Array {
    return this.#raw.values;
  }
  get average(): Float64Array {
    return this.#average.values;
  }
  get slope(): Float64Array {
    return this.#slope.values;
  }
}
