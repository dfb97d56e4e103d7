/** The numbers of a token: what they are called, in which unit, and what they tell. */
import { descriptionOf, unitOf } from "@/lib/facts";
import type { MetricName, TokenRecord } from "@/types";

/** A number that a token carries and that can be shown as a colour. */
export type Measure = MetricName | "logprob";

/** What the token view is coloured by: how unsure the model was, in the quadrant's hue or in one; or a single measure. */
export type ColourBy = "quadrant" | "uncertainty" | Measure;

export function isMeasure(colourBy: ColourBy): colourBy is Measure {
  return colourBy !== "quadrant" && colourBy !== "uncertainty";
}

/** What a number is called here; the server names it as the field does. */
export const LABELS: Record<Measure, string> = {
  logits_entropy: "Entropy",
  logits_varentropy: "Varentropy",
  attention_entropy: "Attention entropy",
  attention_varentropy: "Attention varentropy",
  agreement: "Head disagreement",
  interaction_strength: "Interaction strength",
  logprob: "Log-probability",
};

export const measureUnit = (measure: Measure): string => (measure === "logprob" ? "nats" : unitOf(measure));

/** One sentence for a person who meets the number for the first time. */
export function measureDescription(measure: Measure): string {
  if (measure !== "logprob") return descriptionOf(measure);
  return "Natural log of the probability that the model gave the token it emitted: 0 is certain.";
}

/** The six metrics in the order in which every view lists them, and in which stored tokens have them. */
export const METRIC_NAMES: readonly MetricName[] = [
  "logits_entropy",
  "logits_varentropy",
  "attention_entropy",
  "attention_varentropy",
  "agreement",
  "interaction_strength",
];

export const MEASURE_NAMES: readonly Measure[] = [...METRIC_NAMES, "logprob"];

/** The value of a measure; NaN where the record has none (a token that a person typed, say). */
export function measureOf(token: TokenRecord, measure: Measure): number {
  const value: unknown = token[measure];
  return typeof value === "number" ? value : Number.NaN;
}
