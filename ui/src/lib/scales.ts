/**
 * The colour scale of a measure: one ramp of even steps in OKLCH lightness with a slow turn of hue, from the page's own
 * colour to a clear tint. It says "more" or "less", never "good" or "bad".
 *
 * The colours are computed by the style sheet from `--t` (0 to 1) and the numbers below, so that a change of theme
 * repaints nothing by hand.
 */
import { brief } from "@/lib/format";
import { LABELS, type Measure, measureOf, measureUnit } from "@/lib/metrics";
import type { TokenRecord } from "@/types";

export interface Ramp {
  /** OKLCH lightness, chroma and hue (degrees) at t = 0 and at t = 1. */
  lightness: readonly [number, number];
  chroma: readonly [number, number];
  hue: readonly [number, number];
}

/** Tints behind dark and behind light text; every step keeps a contrast of at least 4.5:1 with the page's ink. */
export const RAMPS: { light: Ramp; dark: Ramp } = {
  light: { lightness: [0.975, 0.72], chroma: [0.03, 0.115], hue: [115, 235] },
  dark: { lightness: [0.24, 0.5], chroma: [0.015, 0.085], hue: [265, 185] },
};

/** Steps of `t`: enough to look continuous, few enough that neighbours share a style. */
export const LEVELS = 24;

/** Below this `t` a token stays in the plain text colour: nothing to look at. */
export const QUIET = 1.5 / LEVELS;

/** A ramp's colour at t, as CSS. */
export function rampColour(ramp: Ramp, t: number): string {
  const at = ([from, to]: readonly [number, number]) => from + (to - from) * t;
  return `oklch(${at(ramp.lightness).toFixed(4)} ${at(ramp.chroma).toFixed(4)} ${at(ramp.hue).toFixed(2)})`;
}

/** The ramps as custom properties for `.tint` in instruments.css. */
export function rampProperties(): Record<`--${string}`, string> {
  const properties: Record<`--${string}`, string> = {};
  for (const [theme, ramp] of Object.entries(RAMPS)) {
    for (const [channel, [from, to]] of Object.entries(ramp) as [string, [number, number]][]) {
      properties[`--${theme}-${channel}-from`] = String(from);
      properties[`--${theme}-${channel}-span`] = String(to - from);
    }
  }
  return properties;
}

/** The values that the ends of the ramp stand for. `from` may be the larger one (log-probability: 0 to −8). */
export interface Domain {
  from: number;
  to: number;
  /** Square-root spacing, for measures that crowd near zero. */
  root: boolean;
}

/** Measures with a natural zero keep one domain for ever, so that two answers can be compared by eye. */
const FIXED: Partial<Record<Measure, Domain>> = {
  logits_entropy: { from: 0, to: 8, root: true },
  logits_varentropy: { from: 0, to: 16, root: true },
  logprob: { from: 0, to: -8, root: true },
};

/**
 * The domain of a measure over some tokens. Where there is no natural one it spans the data, rounded outwards to round
 * numbers so that it rarely moves while an answer streams.
 */
export function domainOf(measure: Measure, tokens: readonly TokenRecord[]): Domain {
  const fixed = FIXED[measure];
  if (fixed) return fixed;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const token of tokens) {
    const value = measureOf(token, measure);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { from: 0, to: 1, root: false };
  if (low === high) {
    low -= Math.abs(low) * 0.05 || 0.5;
    high += Math.abs(high) * 0.05 || 0.5;
  }
  const step = roundStep((high - low) / 4);
  return { from: tidy(Math.floor(low / step) * step), to: tidy(Math.ceil(high / step) * step), root: false };
}

/** Where a value lies on the ramp, 0 to 1, clamped; NaN for a missing value. */
export function position(domain: Domain, value: number): number {
  const t = Math.min(1, Math.max(0, (value - domain.from) / (domain.to - domain.from)));
  return domain.root ? Math.sqrt(t) : t;
}

/** `position` in LEVELS steps; 0 for what stays untinted, and for a missing value. */
export function level(domain: Domain, value: number): number {
  const t = position(domain, value);
  return Number.isNaN(t) || (domain.from === 0 && t < QUIET) ? 0 : Math.round(t * LEVELS) / LEVELS;
}

/** The values to print under a legend, with where they lie on it. */
export function ticks(domain: Domain): { t: number; label: string }[] {
  const shares = domain.root ? [0, 1 / 16, 1 / 4, 1] : [0, 0.5, 1];
  return shares.map((share) => {
    const value = domain.from + (domain.to - domain.from) * share;
    return { t: position(domain, value), label: brief(value) };
  });
}

/** A legend's caption: "Entropy, bits". */
export function caption(measure: Measure): string {
  const unit = measureUnit(measure);
  return unit ? `${LABELS[measure]}, ${unit}` : LABELS[measure];
}

/** The next larger of 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const ratio = rough / power;
  return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

/** Removes what binary fractions add: 0.30000000000000004 becomes 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
