/** The plane of entropy and varentropy: its axes, and the regions that a config's conditions cut out of it. */
import { type Bound, type Conditions, TRIED, thresholdsOf } from "@/lib/conditions";
import type { MetricName, QuadrantName, TokenRecord } from "@/types";

/** An axis that is linear up to `knee` and logarithmic beyond (asinh), so that 0, 0.01 and 10 are all to be seen. */
export interface Axis {
  knee: number;
  max: number;
}

/** Where a value lies on the axis, 0 to 1, clamped. */
export function along({ knee, max }: Axis, value: number): number {
  return Math.min(1, Math.max(0, Math.asinh(value / knee) / Math.asinh(max / knee)));
}

/** The value at a place on the axis: the inverse of `along`. */
export function valueAt({ knee, max }: Axis, place: number): number {
  return knee * Math.sinh(place * Math.asinh(max / knee));
}

/** The axis of a metric: its knee at the lowest threshold (0.1 without one), its end at a round number past the data. */
export function axisOf(conditions: Conditions, metric: MetricName, tokens: readonly TokenRecord[]): Axis {
  const thresholds = thresholdsOf(conditions, metric).map(({ value }) => value);
  let largest = Math.max(8, ...thresholds.map((value) => value * 1.6));
  for (const token of tokens) if (token[metric] > largest) largest = token[metric];
  return { knee: thresholds.find((value) => value > 0) ?? 0.1, max: Math.ceil(largest / 4) * 4 };
}

/** Marks for an axis: 0, the thresholds, then round values where at least `gap` (a share of the axis) is free. */
export function marks(axis: Axis, thresholds: readonly number[], gap: number): number[] {
  const chosen: number[] = [];
  const round = [0.001, 0.01, 0.1, 1, 10, 2, 3, 20, 50].filter((value) => value >= axis.knee / 10);
  for (const value of [0, ...thresholds, ...round]) {
    if (
      value <= axis.max &&
      chosen.every((other) => Math.abs(along(axis, other) - along(axis, value)) >= gap)
    ) {
      chosen.push(value);
    }
  }
  return chosen.sort((a, b) => a - b);
}

export interface Region {
  name: QuadrantName;
  entropy: [number, number];
  varentropy: [number, number];
  /** Bounds on other metrics, means and slopes: inside the rectangle, yet not all of what it takes. */
  further: Bound[];
}

/** The rectangles of the quadrants that have conditions, in the order in which they are tried. */
export function regions(conditions: Conditions): Region[] {
  return TRIED.flatMap((name) => {
    const bounds = conditions[name];
    if (!bounds) return [];
    return {
      name,
      entropy: range(bounds, "logits_entropy"),
      varentropy: range(bounds, "logits_varentropy"),
      further: bounds.filter((bound) => !inPlane(bound)),
    };
  });
}

function inPlane({ metric, over }: Bound): boolean {
  return over === "value" && (metric === "logits_entropy" || metric === "logits_varentropy");
}

function range(bounds: readonly Bound[], metric: MetricName): [number, number] {
  let from = 0;
  let to = Number.POSITIVE_INFINITY;
  for (const bound of bounds) {
    if (bound.metric !== metric || bound.over !== "value") continue;
    if (bound.side === "above") from = Math.max(from, bound.value);
    else to = Math.min(to, bound.value);
  }
  return [from, to];
}
