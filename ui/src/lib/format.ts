/** Numbers and tokens written as a person would, and exactly where a person asks. */
import { type Measure, measureUnit } from "@/lib/metrics";

const NARROW_SPACE = "\u202f";

/** Two significant digits and no exponent, as for an axis or a sentence: 2.7, 0.05, 12. "–" for a missing value. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.0005) return value < 0 ? "−0.0" : "0.0";
  const decimals = size >= 10 ? 0 : size >= 0.1 ? 1 : size >= 0.01 ? 2 : 4;
  return sign(trimZeros(value.toFixed(decimals), decimals > 1));
}

/** Two decimals, for scores that are compared in a glance: "−0.42". */
export function hundredths(value: number): string {
  return Number.isFinite(value) ? sign(value.toFixed(2)) : "–";
}

/** The ticks of one axis, with as many decimals as tell them apart. */
export function ticks(values: readonly number[]): string[] {
  const step = Math.abs((values[1] ?? 1) - (values[0] ?? 0)) || 1;
  let decimals = 0;
  while (decimals < 8 && values.some((v) => Math.abs(v - Number(v.toFixed(decimals))) > step / 100))
    decimals++;
  return values.map((value) => (value === 0 ? "0" : sign(value.toFixed(decimals))));
}

/** Six significant digits, for the card. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4) return sign(value.toExponential(3)).replace("e-", "e−");
  return sign(
    value
      .toPrecision(6)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, ""),
  );
}

/** `brief` with the measure's unit: "2.7 bits". */
export function withUnit(measure: Measure, value: number): string {
  return joinUnit(brief(value), measure);
}

/** `exact` with the measure's unit: "2.70312 bits". */
export function exactWithUnit(measure: Measure, value: number): string {
  return joinUnit(exact(value), measure);
}

/** A share of one: "81 %", "<1 %" where rounding would hide that there is something. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return `<1${NARROW_SPACE}%`;
  if (share < 1 && share >= 0.995) return `>99${NARROW_SPACE}%`;
  return `${Math.round(share * 100)}${NARROW_SPACE}%`;
}

/** A probability from its natural logarithm: "62 %", "0.4 %", "<0.1 %". */
export function probability(logprob: number): string {
  const share = Math.exp(logprob);
  if (Number.isFinite(share) && share < 0.01 && share > 0) {
    return share < 0.001 ? `<0.1${NARROW_SPACE}%` : `${(share * 100).toFixed(1)}${NARROW_SPACE}%`;
  }
  return percent(share);
}

/** A whole number with its thousands apart: "4,096". */
export const grouped: (count: number) => string = new Intl.NumberFormat("en").format;

/** "1 token", "4,096 tokens". */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A token's text with its whitespace and control characters made visible, for lists and cards. */
export function visible(text: string): string {
  if (text === "") return "∅";
  return text.replace(/[\s\p{Cc}\p{Cf}]/gu, (character) => {
    if (character === " ") return "␣";
    if (character === "\n") return "⏎";
    if (character === "\t") return "⇥";
    if (character === "\r") return "␍";
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    // A joiner inside a written word (ZWJ, variation) stays: shown alone it would tear the character apart.
    if (/\p{Cf}/u.test(character) && text.length > 1) return character;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

function joinUnit(number: string, measure: Measure): string {
  const unit = measureUnit(measure);
  return unit && number !== "–" ? `${number}\u00a0${unit}` : number;
}

function trimZeros(text: string, trim: boolean): string {
  return trim ? text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") : text;
}

/** The typographic minus. */
function sign(text: string): string {
  return text.replace(/^-/, "−");
}
