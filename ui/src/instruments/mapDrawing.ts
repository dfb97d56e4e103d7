/** Drawing the quadrant map: the ground with its regions and axes, and the points. */

import type { Palette } from "@/instruments/palette";
import type { Conditions } from "@/lib/conditions";
import { thresholdsOf } from "@/lib/conditions";
import { glyphOf } from "@/lib/facts";
import { brief } from "@/lib/format";
import { type Axis, along, marks, type Region, regions } from "@/lib/plane";
import type { QuadrantName, TokenRecord } from "@/types";

export interface Plane {
  width: number;
  height: number;
  x: Axis;
  y: Axis;
}

/** Room for the axes, in CSS pixels. */
const MARGIN = { left: 40, right: 10, top: 10, bottom: 36 };

export function toX({ width, x }: Plane, entropy: number): number {
  return MARGIN.left + (width - MARGIN.left - MARGIN.right) * along(x, entropy);
}

export function toY({ height, y }: Plane, varentropy: number): number {
  return height - MARGIN.bottom - (height - MARGIN.top - MARGIN.bottom) * along(y, varentropy);
}

export function drawGround(
  context: CanvasRenderingContext2D,
  plane: Plane,
  conditions: Conditions,
  palette: Palette,
): void {
  context.clearRect(0, 0, plane.width, plane.height);
  context.font = `11px ${palette.mono}`;
  // What is tried first lies on top.
  for (const region of regions(conditions).reverse()) drawRegion(context, plane, region, palette);
  drawAxes(context, plane, conditions, palette);
  for (const region of regions(conditions)) nameRegion(context, plane, region, palette);
  nameRest(context, plane, conditions, palette);
}

function drawRegion(context: CanvasRenderingContext2D, plane: Plane, region: Region, palette: Palette): void {
  const { left, top, width, height } = box(plane, region);
  context.fillStyle = palette.page;
  context.fillRect(left, top, width, height);
  context.fillStyle = palette.tint[region.name] || palette.panel;
  context.fillRect(left, top, width, height);
  if (region.further.length > 0) hatch(context, left, top, width, height, palette.quadrant[region.name]);
  context.strokeStyle = palette.quadrant[region.name];
  context.globalAlpha = 0.5;
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  context.globalAlpha = 1;
}

/** Diagonals over a region that entropy and varentropy alone do not settle. */
function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: string,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.globalAlpha = 0.25;
  context.beginPath();
  for (let at = left - height; at < left + width; at += 8) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}

/** Glyph and name, as much as fits. */
function nameRegion(context: CanvasRenderingContext2D, plane: Plane, region: Region, palette: Palette): void {
  const { left, top, width } = box(plane, region);
  const glyph = glyphOf(region.name);
  const whole = `${glyph} ${region.name}`;
  const text = context.measureText(whole).width + 8 < width ? whole : glyph;
  label(context, text, left + 5, top + 5, palette);
}

function nameRest(
  context: CanvasRenderingContext2D,
  plane: Plane,
  conditions: Conditions,
  palette: Palette,
): void {
  if (Object.keys(conditions).length === 0) return;
  const entropy = thresholdsOf(conditions, "logits_entropy").map(({ value }) => value);
  const varentropy = thresholdsOf(conditions, "logits_varentropy").map(({ value }) => value);
  // Between the thresholds of both lies what no other condition takes.
  const left = toX(plane, entropy[0] ?? 0);
  const bottom = toY(plane, varentropy[0] ?? 0);
  label(context, `${glyphOf("ADAPTIVE")} ADAPTIVE`, left + 5, bottom - 17, palette);
}

function label(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  palette: Palette,
): void {
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillStyle = palette.muted;
  context.fillText(text, x, y);
}

function drawAxes(
  context: CanvasRenderingContext2D,
  plane: Plane,
  conditions: Conditions,
  palette: Palette,
): void {
  const bottom = plane.height - MARGIN.bottom;
  const right = plane.width - MARGIN.right;
  context.strokeStyle = palette.lineStrong;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(MARGIN.left + 0.5, MARGIN.top);
  context.lineTo(MARGIN.left + 0.5, bottom + 0.5);
  context.lineTo(right, bottom + 0.5);
  context.stroke();
  context.fillStyle = palette.faint;
  context.textAlign = "center";
  context.textBaseline = "top";
  const xs = thresholdsOf(conditions, "logits_entropy").map(({ value }) => value);
  for (const value of marks(plane.x, xs, 34 / (right - MARGIN.left))) {
    context.fillText(brief(value), Math.min(toX(plane, value), right - 6), bottom + 5);
  }
  context.fillText("entropy, bits", (MARGIN.left + right) / 2, bottom + 20);
  context.textAlign = "right";
  context.textBaseline = "middle";
  const ys = thresholdsOf(conditions, "logits_varentropy").map(({ value }) => value);
  for (const value of marks(plane.y, ys, 16 / (bottom - MARGIN.top))) {
    context.fillText(brief(value), MARGIN.left - 5, toY(plane, value));
  }
  context.save();
  context.translate(8, (MARGIN.top + bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText("varentropy, bits²", 0, 0);
  context.restore();
}

/** Points of tokens from..to-1; those of a lit quadrant larger and on top of a faded rest. */
export function drawPoints(
  context: CanvasRenderingContext2D,
  plane: Plane,
  tokens: readonly TokenRecord[],
  from: number,
  lit: QuadrantName | null,
  palette: Palette,
): void {
  for (const name of [null, "FLOWING", "ADAPTIVE", "TREADING", "EXPLORING", "RESAMPLING"] as const) {
    context.fillStyle = name ? palette.quadrant[name] : palette.ink;
    context.globalAlpha = lit && lit !== name ? 0.12 : name === "FLOWING" ? 0.35 : 0.6;
    const radius = lit === name && lit ? 3.5 : 2.5;
    context.beginPath();
    for (let i = from; i < tokens.length; i++) {
      const token = tokens[i] as TokenRecord;
      if (token.quadrant !== name) continue;
      const x = toX(plane, token.logits_entropy);
      const y = toY(plane, token.logits_varentropy);
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
  context.globalAlpha = 1;
}

function box(plane: Plane, { entropy, varentropy }: Region) {
  const left = toX(plane, entropy[0]);
  const right = toX(plane, Math.min(entropy[1], plane.x.max));
  const bottom = toY(plane, varentropy[0]);
  const top = toY(plane, Math.min(varentropy[1], plane.y.max));
  return { left, top, width: right - left, height: bottom - top };
}
