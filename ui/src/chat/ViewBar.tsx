import { Segments, Select } from "@/app/controls";
import { useMedia } from "@/app/media";
import { useInspected } from "@/inspector/inspected";
import { FoldedLegend, Legend } from "@/instruments/Legend";
import { type ColourBy, MEASURE_NAMES, MEASURES } from "@/lib/metrics";
import { useChats } from "@/store/chats";
import { useSettings } from "@/store/settings";

const COLOURS: { value: ColourBy; label: string }[] = [
  { value: "quadrant", label: "Quadrant" },
  ...MEASURE_NAMES.map((name) => ({ value: name, label: MEASURES[name].label })),
];

/** The legend; a phone has it behind a button. */
function Meaning({ colourBy }: { colourBy: ColourBy }) {
  const wide = useMedia("(min-width: 640px)");
  const inspected = useInspected();
  // The quadrants mean the same in every answer.
  const id = colourBy === "quadrant" ? undefined : inspected?.id;
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
  const colourBy = useSettings((s) => s.colourBy);
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
            options={COLOURS}
            value={colourBy}
            onChange={(next) => useSettings.setState({ colourBy: next })}
          />
          <Meaning colourBy={colourBy} />
        </>
      )}
    </div>
  );
}
