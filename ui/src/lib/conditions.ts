/**
 * What a sampler's config says of its quadrants: thresholds and conditions, read out of the server's object by name,
 * wherever it keeps them. A config that names none simply has no lines to draw.
 */
import { METRIC_NAMES } from "@/lib/metrics";
import { QUADRANT_NAMES } from "@/lib/quadrants";
import type { MetricName, QuadrantName, SamplerConfig } from "@/types";

export type Level = "low" | "medium" | "high";
export type Levels = Partial<Record<MetricName, Partial<Record<Level, number>>>>;

/** What of a metric is compared: its value, or its mean or slope over the last tokens ("logits_entropy_slope"). */
export type Over = "value" | "mean" | "slope";

/** One half of a condition: the metric must be strictly below, or strictly above, the value. */
export interface Bound {
  metric: MetricName;
  over: Over;
  side: "below" | "above";
  value: number;
}

/** The quadrants that have a condition, in the order in which they are tried; ADAPTIVE is what is left. */
export const TRIED: readonly QuadrantName[] = ["FLOWING", "TREADING", "EXPLORING", "RESAMPLING"];

export type Conditions = Partial<Record<QuadrantName, Bound[]>>;

/** A leaf of the config: its path in lower case, joined by dots, and its value. */
type Leaf = [path: string, value: unknown];

const LEVEL = /(?:^|[._])(low|medium|high)(?:[._]|$)/;
/** "logits_entropy > high", "attention_entropy < 1.6", "logits_entropy_slope > 0.2" */
const CLAUSE = /^\s*(\w+?)(?:_(mean|slope))?\s*([<>])\s*(\S+)\s*$/;

/** The named thresholds: `low_logits_entropy_threshold`, `thresholds.logits_entropy.low` and the like. */
export function readLevels(config: SamplerConfig | null): Levels {
  const levels: Levels = {};
  for (const [path, value] of leaves(config)) {
    if (typeof value !== "number" || quadrantOf(path)) continue;
    const metric = metricOf(path);
    const level = LEVEL.exec(path)?.[1] as Level | undefined;
    if (!metric || !level) continue;
    levels[metric] = { ...levels[metric], [level]: value };
  }
  return levels;
}

/**
 * Each quadrant's condition, from the clauses under the quadrant (`treading.when`: ["logits_entropy > high", …]); in a
 * config without any, the published rule on the named thresholds. Empty where there is neither.
 */
export function readConditions(config: SamplerConfig | null): Conditions {
  const levels = readLevels(config);
  const written: Conditions = {};
  for (const [path, value] of leaves(config)) {
    const name = quadrantOf(path);
    const bound = typeof value === "string" ? readClause(value, levels) : null;
    if (name && bound) written[name] = [...(written[name] ?? []), bound];
  }
  return Object.keys(written).length > 0 ? written : publishedConditions(levels);
}

/** The distinct thresholds that conditions set on the value of one metric, ascending, each with the quadrants that use it. */
export function thresholdsOf(
  conditions: Conditions,
  metric: MetricName,
): { value: number; quadrants: QuadrantName[] }[] {
  const found = new Map<number, QuadrantName[]>();
  for (const name of TRIED) {
    for (const bound of conditions[name] ?? []) {
      if (bound.metric !== metric || bound.over !== "value") continue;
      const users = found.get(bound.value) ?? [];
      if (!users.includes(name)) users.push(name);
      found.set(bound.value, users);
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([value, quadrants]) => ({ value, quadrants }));
}

/** Whether every bound on the given metrics holds; bounds on others, and on means and slopes, are ignored. */
export function holds(bounds: readonly Bound[], values: Partial<Record<MetricName, number>>): boolean {
  return bounds.every(({ metric, over, side, value }) => {
    const actual = over === "value" ? values[metric] : undefined;
    if (actual === undefined) return true;
    return side === "below" ? actual < value : actual > value;
  });
}

/** Over how many of the last tokens the config takes means and slopes; null where it takes none. */
export function readWindow(config: SamplerConfig | null): number | null {
  const window = config?.window;
  return typeof window === "number" && window > 0 ? window : null;
}

function readClause(clause: string, levels: Levels): Bound | null {
  const [, name, of = "value", sign, limit] = CLAUSE.exec(clause) ?? [];
  const metric = METRIC_NAMES.find((known) => known === name);
  if (!metric || !limit) return null;
  // The named levels are values of the metric: a mean can be held against them, a slope cannot.
  const named = of === "slope" ? undefined : levels[metric]?.[limit as Level];
  const value = named ?? Number(limit);
  if (!Number.isFinite(value)) return null;
  return { metric, over: of as Over, side: sign === "<" ? "below" : "above", value };
}

/** The conditions of the entropix sampler (its sampler.py), on the thresholds' published names. */
function publishedConditions({ logits_entropy: entropy, logits_varentropy: varentropy }: Levels): Conditions {
  const pair = (
    sideOfEntropy: Bound["side"],
    h: number | undefined,
    sideOfVarentropy: Bound["side"],
    v: number | undefined,
  ): Bound[] | undefined =>
    h === undefined || v === undefined
      ? undefined
      : [
          { metric: "logits_entropy", over: "value", side: sideOfEntropy, value: h },
          { metric: "logits_varentropy", over: "value", side: sideOfVarentropy, value: v },
        ];
  const conditions: Conditions = {
    FLOWING: pair("below", entropy?.low, "below", varentropy?.low),
    TREADING: pair("above", entropy?.medium, "below", varentropy?.low),
    EXPLORING: pair("below", entropy?.high, "above", varentropy?.high),
    RESAMPLING: pair("above", entropy?.high, "above", varentropy?.high),
  };
  return Object.fromEntries(Object.entries(conditions).filter(([, bounds]) => bounds));
}

function leaves(value: unknown, path = ""): Leaf[] {
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([key, inner]) =>
      leaves(inner, path ? `${path}.${key.toLowerCase()}` : key.toLowerCase()),
    );
  }
  return [[path, value]];
}

function quadrantOf(path: string): QuadrantName | null {
  const words = path.split(/[._]/);
  return QUADRANT_NAMES.find((name) => words.includes(name.toLowerCase())) ?? null;
}

function metricOf(path: string): MetricName | null {
  return METRIC_NAMES.find((name) => path.includes(name)) ?? null;
}
