/** The numbers of a token: what they are called, in which unit, and what they tell. */
import type { MetricName, TokenRecord } from "@/types";

export type Unit = "bits" | "bits²" | "nats" | "";

/** A number that a token carries and that can be shown as a colour. */
export type Measure = MetricName | "logprob";

/** What the token view is coloured by: how unsure the model was, in the quadrant's hue or in one; or a single measure. */
export type ColourBy = "quadrant" | "uncertainty" | Measure;

export function isMeasure(colourBy: ColourBy): colourBy is Measure {
  return colourBy !== "quadrant" && colourBy !== "uncertainty";
}

export interface MeasureInfo {
  label: string;
  unit: Unit;
  /** One sentence for a person who meets the number for the first time. */
  description: string;
}

export const MEASURES: Record<Measure, MeasureInfo> = {
  logits_entropy: {
    label: "Entropy",
    unit: "bits",
    description:
      "How spread out the next-token probabilities were: 0 is certain, each bit doubles the choices.",
  },
  logits_varentropy: {
    label: "Varentropy",
    unit: "bits²",
    description: "How unequal the surprise of the candidates was: high where a few paths stand out of many.",
  },
  attention_entropy: {
    label: "Attention entropy",
    unit: "bits",
    description: "How widely the last layer looked back over the text, averaged over its heads.",
  },
  attention_varentropy: {
    label: "Attention varentropy",
    unit: "bits²",
    description: "How much the heads differed in how widely they looked.",
  },
  agreement: {
    label: "Head disagreement",
    unit: "",
    description:
      "Mean distance between each head's attention and the heads' average (published as “agreement”): low when all look at the same place.",
  },
  interaction_strength: {
    label: "Interaction strength",
    unit: "nats",
    description: "Mean size of the attention scores before they become weights.",
  },
  logprob: {
    label: "Log-probability",
    unit: "nats",
    description: "Natural log of the probability that the model gave the token it emitted: 0 is certain.",
  },
};

/** The six metrics in the order in which every view lists them. */
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
