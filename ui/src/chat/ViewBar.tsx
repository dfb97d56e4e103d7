import { useInspected } from "@/inspector/inspected";
import { FoldedLegend, Legend } from "@/instruments/Legend";
import { Segments, Select } from "@/kit/controls";
import { useMedia } from "@/kit/media";
import { type ColourBy, isMeasure, LABELS, MEASURE_NAMES } from "@/lib/metrics";
import { useChats } from "@/store/chats";
import { useRoute } from "@/store/route";
import { useSettings } from "@/store/settings";

const MEASURE_OPTIONS = MEASURE_NAMES.map((name) => ({ value: name, label: LABELS[name] }));

/**
 * What the inspected answer is coloured by, which is not always what was chosen: where the sampler sorts into no quadrants
 * uncertainty alone is left. Side by side the answers differ in that, and the control shows what was chosen.
 */
function useColourShown(): { shown: ColourBy; quadrants: boolean } {
  const chosen = useSettings((s) => s.colourBy);
  const inspected = useInspected();
  const pair = useRoute((s) => s.screen === "pair");
  const plain = useChats((s) => {
    const tokens = inspected ? s.answers[inspected.id]?.tokens : undefined;
    return tokens?.at(-1)?.quadrant === null;
  });
  const quadrants = pair || !plain;
  return { shown: chosen === "quadrant" && !quadrants ? "uncertainty" : chosen, quadrants };
}

/** The legend; a phone has it behind a button. */
function Meaning({ colourBy }: { colourBy: ColourBy }) {
  const wide = useMedia("(min-width: 640px)");
  const inspected = useInspected();
  // Quadrants and strength mean the same in every answer.
  const id = isMeasure(colourBy) ? inspected?.id : undefined;
  const answer = useChats((s) => (id ? s.answers[id] : undefined));
  if (!wide) return <FoldedLegend colourBy={colourBy} answer={answer} />;
  return (
    <div className="min-w-0 [&_li>span:last-child]:@max-6xl:hidden">
      <Legend colourBy={colourBy} answer={answer} />
    </div>
  );
}

/** How answers are shown: tinted tokens or formatted text, what the tint means, and its legend. */
export function ViewBar() {
  const view = useSettings((s) => s.view);
  const { shown, quadrants } = useColourShown();
  return (
    <div
      data-bar
      className="@container flex shrink-0 flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line px-4 py-1.5"
    >
      <Segments
        label="Show answers as"
        value={view}
        onChange={(next) => useSettings.setState({ view: next })}
        options={[
          { value: "tokens", label: "Tokens" },
          { value: "reading", label: "Reading" },
        ]}
      />
      {view === "tokens" && (
        <>
          <Select
            label="Colour tokens by"
            options={[
              quadrants
                ? { value: "quadrant", label: "Quadrant" }
                : { value: "quadrant", label: "Quadrant (none here)", disabled: true },
              { value: "uncertainty", label: "Uncertainty" },
              ...MEASURE_OPTIONS,
            ]}
            value={shown}
            onChange={(next) => useSettings.setState({ colourBy: next })}
          />
          <Meaning colourBy={shown} />
        </>
      )}
    </div>
  );
}
