/** What is drawn over a plot's lines: thresholds with their quadrants, and a ribbon of quadrants above. */

import type uPlot from "uplot";
import type { Palette } from "@/instruments/palette";
import { glyphOf } from "@/lib/facts";
import { brief } from "@/lib/format";
import type { Measure } from "@/lib/metrics";
import type { QuadrantName, TokenRecord } from "@/types";

export interface Decoration {
  /** Lines across the plot, named by the quadrants whose conditions use them. */
  thresholds: { value: number; quadrants: QuadrantName[] }[];
  /** Tokens whose quadrants are shown along the top, from x = 0. */
  ribbon?: readonly TokenRecord[] | undefined;
}

const RIBBON_HEIGHT = 5;
/** Room that a plot leaves for the ribbon above it, and for the names of the thresholds on its right; CSS pixels. */
export const RIBBON_ROOM = 12;
export const LABEL_ROOM = 52;

/** The ends of the y axis: from zero where the measure starts there, and up to the thresholds in any case. */
export function yRange(
  measure: Measure,
  min: number | null,
  max: number | null,
  { thresholds }: Decoration,
): [number, number] {
  const low = min ?? 0;
  const high = max ?? 1;
  if (measure === "logits_entropy" || measure === "logits_varentropy") {
    const top = Math.max(high, ...thresholds.map(({ value }) => value), 1);
    return [0, top * 1.08];
  }
  const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

export function decorate(plot: uPlot, decoration: Decoration, palette: Palette): void {
  drawThresholds(plot, decoration.thresholds, palette);
  if (decoration.ribbon) drawRibbon(plot, decoration.ribbon, palette);
}

function drawThresholds(plot: uPlot, thresholds: Decoration["thresholds"], palette: Palette): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const range = plot.scales.y;
  let lastLabel = Number.POSITIVE_INFINITY;
  ctx.save();
  ctx.font = `${11 * ratio}px ${palette.mono}`;
  // Beside the plot, unless the slope's axis is there.
  const inside = plot.axes.length > 2;
  ctx.textAlign = inside ? "right" : "left";
  ctx.textBaseline = inside ? "bottom" : "middle";
  const labelX = bbox.left + bbox.width + (inside ? -4 : 5) * ratio;
  for (const { value, quadrants } of thresholds) {
    if (value < (range?.min ?? 0) || value > (range?.max ?? 0)) continue;
    const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
    ctx.strokeStyle = palette.lineStrong;
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    // Labels that would cover each other give way to the lower threshold's.
    if (lastLabel - y < 13 * ratio) continue;
    lastLabel = y;
    const text = `${brief(value)} ${quadrants.map(glyphOf).join("")}`;
    ctx.lineWidth = 3 * ratio;
    ctx.setLineDash([]);
    ctx.strokeStyle = palette.page;
    ctx.lineJoin = "round";
    if (inside) ctx.strokeText(text, labelX, y - ratio);
    ctx.fillStyle = palette.muted;
    ctx.fillText(text, labelX, y);
  }
  ctx.restore();
}

function drawRibbon(plot: uPlot, tokens: readonly TokenRecord[], palette: Palette): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const { min = 0, max = 0 } = plot.scales.x ?? {};
  if (min === null || max === null || max === undefined) return;
  const height = RIBBON_HEIGHT * ratio;
  const top = bbox.top - (RIBBON_ROOM - 3) * ratio;
  const step = bbox.width / (max - min);
  ctx.save();
  for (let i = Math.max(0, Math.floor(min)); i <= Math.min(tokens.length - 1, Math.ceil(max)); i++) {
    const quadrant = tokens[i]?.quadrant;
    if (!quadrant || quadrant === "FLOWING") continue;
    ctx.fillStyle = palette.quadrant[quadrant];
    const left = Math.max(bbox.left, bbox.left + (i - 0.5 - min) * step);
    ctx.fillRect(left, top, Math.min(Math.max(step, ratio), bbox.left + bbox.width - left), height);
  }
  ctx.restore();
}
