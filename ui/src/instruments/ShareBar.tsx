/** How an answer's tokens spread over the quadrants; a click on a share lights its tokens up. */
import clsx from "clsx";
import { Glyph } from "@/instruments/Glyph";
import { useSelection } from "@/instruments/selection";
import { inTurns } from "@/instruments/turns";
import { percent, plural } from "@/lib/format";
import { QUADRANTS, type QuadrantShare, shares } from "@/lib/quadrants";
import type { Answer, QuadrantName } from "@/types";

export interface ShareBarProps {
  answer: Answer;
  /** Told which share was clicked, after the shared selection has been changed. */
  onSelect?: ((quadrant: QuadrantName) => void) | undefined;
}

/** The shares of the quadrants side by side, as a line. */
export function ShareLine({ shares, className }: { shares: readonly QuadrantShare[]; className: string }) {
  return (
    <span className={clsx("flex gap-px overflow-hidden rounded-full", className)} aria-hidden>
      {shares.map(({ name, share }) => (
        <span
          key={name}
          style={{
            flexGrow: share,
            background: name === "FLOWING" ? "var(--line)" : `var(${QUADRANTS[name].colour})`,
          }}
        />
      ))}
    </span>
  );
}

/** Nothing under the plain sampler, which has no quadrants. */
export const ShareBar = inTurns(function ShareBar({ answer, onSelect }: ShareBarProps) {
  const lit = useSelection((state) => (state.lit?.answerId === answer.id ? state.lit.quadrant : null));
  const counted = shares(answer.tokens).filter(({ count }) => count > 0);
  if (counted.length === 0) return null;
  return (
    <fieldset
      className="inline-flex flex-wrap items-center gap-x-1 gap-y-1"
      aria-label="Shares of the quadrants"
    >
      <ShareLine shares={counted} className="h-1.5 w-24" />
      {counted.map(({ name, count, share }) => (
        <button
          key={name}
          type="button"
          aria-pressed={lit === name}
          aria-label={`${name}: ${plural(count, "token")}, ${percent(share)}. Light up.`}
          title={`${name}: ${plural(count, "token")}`}
          className="num min-h-6 rounded-sm px-1 text-xs text-muted hover:bg-panel hover:text-ink aria-pressed:bg-panel aria-pressed:text-ink aria-pressed:outline-1 aria-pressed:outline-line-strong"
          onClick={() => {
            useSelection.getState().toggleLit(answer.id, name);
            onSelect?.(name);
          }}
        >
          <span className="font-semibold" style={{ color: `var(${QUADRANTS[name].colour})` }}>
            <Glyph of={name} />
          </span>{" "}
          {percent(share)}
        </button>
      ))}
    </fieldset>
  );
});
