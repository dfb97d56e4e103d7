/** Why a token is in its quadrant, the condition that held, with the numbers; and what came of it. */
import { type Conditions, type Over, TRIED, thresholdsOf } from "@/lib/conditions";
import { unitOf } from "@/lib/facts";
import { brief } from "@/lib/format";
import { LABELS } from "@/lib/metrics";
import type { MetricName, TokenRecord } from "@/types";

const NAMES: Partial<Record<MetricName, string>> = {
  logits_entropy: "entropy",
  logits_varentropy: "varentropy",
};

/** A metric's mean or slope up to a token, over the tokens that its config says; NaN where that is not known. */
export type Windowed = (metric: MetricName, over: Over) => number;

/** One sentence, e.g. "Entropy 3.4 bits > 3.0 and varentropy 0.05 bits² < 0.1." */
export function why(
  token: TokenRecord,
  conditions: Conditions,
  windowed: Windowed = () => Number.NaN,
): string {
  if (token.given && Number.isNaN(token.logprob)) return "The first token: nothing foretells it.";
  if (token.forced) return "You chose this token; the sampler had no say.";
  if (token.forked) return "A fork began with this token, one of the likeliest that were not drawn here.";
  if (!token.quadrant && token.given) return "A token of the prompt; the plain sampler has no quadrants.";
  if (!token.quadrant) return "The plain sampler drew this token; it does not look at the metrics.";
  if (token.quadrant === "ADAPTIVE") return sentence(between(token, conditions), "None of the four corners");
  const bounds = conditions[token.quadrant];
  if (!bounds) return sentence([reading(token, "logits_entropy"), reading(token, "logits_varentropy")]);
  return sentence(
    bounds.map(({ metric, over, side, value }) => {
      const sign = side === "below" ? "<" : ">";
      const read = over === "value" ? reading(token, metric, value) : trend(metric, over, windowed);
      return `${read} ${sign} ${threshold(value)}`;
    }),
  );
}

/** What the sampler did, in a few words. */
export function whatWasDone({ given, forced, forked, quadrant, temperature, token }: TokenRecord): string {
  if (given) return "given";
  if (forced) return "you chose it";
  if (forked) return "a fork took it";
  if (temperature !== null) return `drew at temperature ${Number(temperature.toPrecision(2))}`;
  const paused = quadrant === "TREADING" && /^\s*(…|\.\.\.)/.test(token);
  return paused ? "paused to think" : "took the likeliest";
}

/** For ADAPTIVE: where entropy and varentropy lie among the thresholds. */
function between(token: TokenRecord, conditions: Conditions): string[] {
  if (TRIED.every((name) => !conditions[name])) return [];
  return (["logits_entropy", "logits_varentropy"] as const).map((metric) => {
    const marks = thresholdsOf(conditions, metric).map(({ value }) => value);
    const value = token[metric];
    const below = marks.filter((mark) => mark <= value).at(-1);
    const above = marks.find((mark) => mark > value);
    const read = reading(token, metric, above ?? below);
    if (below !== undefined && above !== undefined)
      return `${read} between ${threshold(below)} and ${threshold(above)}`;
    if (above !== undefined) return `${read} < ${threshold(above)}`;
    return below === undefined ? read : `${read} > ${threshold(below)}`;
  });
}

/** "entropy 3.4 bits", with as many digits as it takes to tell the value from the threshold beside it. */
function reading(token: TokenRecord, metric: MetricName, beside?: number): string {
  const unit = unitOf(metric);
  const value = token[metric];
  let text = brief(value);
  if (beside !== undefined && Number.isFinite(value)) {
    for (let digits = 3; Number(text.replace("−", "-")) === beside && digits <= 9; digits++)
      text = String(Number(value.toPrecision(digits)));
  }
  return `${NAMES[metric] ?? LABELS[metric].toLowerCase()} ${text}${unit ? `\u00a0${unit}` : ""}`;
}

/** "slope of entropy 0.31 bits/token"; without the number where it is not known. */
function trend(metric: MetricName, over: Over, windowed: Windowed): string {
  const unit = unitOf(metric);
  const value = windowed(metric, over);
  const name = `${over} of ${NAMES[metric] ?? LABELS[metric].toLowerCase()}`;
  if (!Number.isFinite(value)) return name;
  const per = over === "slope" ? `${unit}/token` : unit;
  return `${name} ${brief(value)}${per ? `\u00a0${per}` : ""}`;
}

/** A threshold as the config has it, always with a decimal: 3.0, 0.1, 0.0045. */
function threshold(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function sentence(parts: string[], opening = ""): string {
  const body = parts.join(" and ");
  const text = opening ? (body ? `${opening}: ${body}` : opening) : body;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
