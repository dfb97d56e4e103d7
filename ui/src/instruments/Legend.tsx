/** What the colours of the token view mean. */

import { Info } from "lucide-react";
import { type CSSProperties, useId, useState } from "react";
import { Glyph } from "@/instruments/Glyph";
import { phraseOf, useFacts } from "@/lib/facts";
import { grouped, percent } from "@/lib/format";
import { type ColourBy, isMeasure, measureDescription } from "@/lib/metrics";
import { QUADRANT_NAMES, QUADRANTS } from "@/lib/quadrants";
import { caption, domainOf, rampProperties, ticks } from "@/lib/scales";
import { LOST_BITS, SURE_BITS } from "@/lib/tint";
import type { Answer } from "@/types";
import "./instruments.css";

export interface LegendProps {
  colourBy: ColourBy;
  /** Gives the ends of the scale where a measure has no natural ones. */
  answer?: Answer | undefined;
}

export function Legend({ colourBy, answer }: LegendProps) {
  useFacts(); // phrases and units
  if (!isMeasure(colourBy)) return <StrengthLegend quadrants={colourBy === "quadrant"} />;
  const domain = domainOf(colourBy, answer?.tokens ?? []);
  const known = domain.root || (answer?.tokens.length ?? 0) > 0;
  return (
    <figure
      className="ramp m-0 flex items-center gap-3 text-xs text-muted"
      style={rampProperties() as CSSProperties}
    >
      <figcaption className="min-w-0" title={measureDescription(colourBy)}>
        {caption(colourBy)}
      </figcaption>
      <div className="shrink-0">
        <div className="flex h-2 w-44 overflow-hidden rounded-sm" aria-hidden>
          {Array.from({ length: 25 }, (_, i) => i / 24).map((t) => (
            <span
              key={t}
              className={t === 0 ? "flex-1" : "tint flex-1"}
              style={{ "--t": t } as CSSProperties}
            />
          ))}
        </div>
        <div className="num relative mt-0.5 h-4 w-44">
          {(known
            ? ticks(domain)
            : [
                { t: 0, label: "low" },
                { t: 1, label: "high" },
              ]
          ).map(({ t, label }) => (
            <span
              key={t}
              className="absolute"
              style={{ left: `${t * 100}%`, transform: `translateX(-${t * 100}%)` }}
            >
              {label}
            </span>
          ))}
        </div>
      </div>
    </figure>
  );
}

/** The legend behind a button, where there is no room for it in a line; opened, it takes a line of its own. */
export function FoldedLegend(props: LegendProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <>
      <button
        type="button"
        aria-label="Legend"
        aria-expanded={open}
        aria-controls={id}
        title="What the colours mean"
        onClick={() => setOpen(!open)}
        className="grid size-7 place-items-center rounded-md text-muted hover:text-ink aria-expanded:text-ink"
      >
        <Info size={16} aria-hidden />
      </button>
      <div id={id} hidden={!open} className="basis-full pt-0.5 pb-1">
        {open && <Legend {...props} />}
      </div>
    </>
  );
}

/** What the strength of a tint says, in full. */
const MEANING = [
  `Plain: as sure as among ${words(SURE_BITS)} equally likely words or fewer, and no surprise.`,
  `The stronger, the less sure, up to ${words(LOST_BITS)} words (${LOST_BITS} bits),`,
  `or a word that had ${percent(2 ** -SURE_BITS)} down to ${percent(2 ** -LOST_BITS)}.`,
].join(" ");

function words(bits: number): string {
  return grouped(Math.round(2 ** bits));
}

/** The quadrants' hues and lines, or the one hue of answers without quadrants; and in any case what strength means. */
function StrengthLegend({ quadrants }: { quadrants: boolean }) {
  return (
    <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1 text-xs text-muted">
      {quadrants && <QuadrantList />}
      <span className="flex items-baseline gap-1.5 whitespace-nowrap" title={MEANING}>
        <span>{quadrants ? "stronger: less sure" : "sure"}</span>
        <span className="flex text-ink" aria-hidden>
          {[1 / 8, 3 / 8, 5 / 8, 7 / 8, 1].map((t) => (
            <span
              key={t}
              className={`token-word w-3.5 ${quadrants ? "any-hue" : ""}`}
              data-q="NONE"
              style={{ "--t": t } as CSSProperties}
            >
              {"\u00a0"}
            </span>
          ))}
        </span>
        <span className="num">
          {quadrants ? "" : "unsure, "}
          {SURE_BITS} to {LOST_BITS} bits
        </span>
        <span className="sr-only">{MEANING}</span>
      </span>
    </div>
  );
}

function QuadrantList() {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1">
      {QUADRANT_NAMES.map((name) => {
        const { where } = QUADRANTS[name];
        return (
          <li key={name} className="flex items-baseline gap-1.5" title={`${phraseOf(name)} (${where})`}>
            <span className="num text-ink" aria-hidden>
              <Glyph of={name} />
            </span>
            <span className="token-word px-0.5 text-ink" data-q={name === "FLOWING" ? undefined : name}>
              {name.toLowerCase()}
            </span>
            <span>{where}</span>
          </li>
        );
      })}
    </ul>
  );
}
