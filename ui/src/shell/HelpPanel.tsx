import { LESSONS } from "@/chat/lessons";
import { Glyph } from "@/instruments/Glyph";
import { Modal } from "@/kit/dialog";
import { LABELS, MEASURE_NAMES, measureDescription, measureUnit } from "@/lib/metrics";
import { QUADRANT_NAMES, QUADRANTS } from "@/lib/quadrants";
import { useOverlays } from "@/store/settings";
import { SHORTCUTS } from "./shortcuts";

function Quadrants() {
  return (
    <ul className="mt-3 divide-y divide-line border-y border-line">
      {QUADRANT_NAMES.map((name) => {
        const { where, action, colour } = QUADRANTS[name];
        const { look, means } = LESSONS[name];
        return (
          <li key={name} className="grid grid-cols-[1.5rem_1fr] gap-x-3 py-2.5">
            <span
              className="num text-center text-lg leading-6 font-semibold"
              style={{ color: `var(${colour})` }}
              aria-hidden
            >
              <Glyph of={name} />
            </span>
            <div>
              <p>
                <span
                  className="token-word px-0.5 font-semibold"
                  data-q={name === "FLOWING" ? undefined : name}
                >
                  {name.charAt(0) + name.slice(1).toLowerCase()}
                </span>{" "}
                <span>
                  {look}: {means}.
                </span>
              </p>
              <p className="text-sm text-muted">
                {where.charAt(0).toUpperCase() + where.slice(1)}. {action}
              </p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Measures() {
  return (
    <dl className="mt-2 space-y-1.5 text-sm">
      {MEASURE_NAMES.map((name) => (
        <div key={name}>
          <dt className="inline font-semibold">
            {LABELS[name]}
            {measureUnit(name) && <span className="font-normal text-muted"> ({measureUnit(name)})</span>}
          </dt>{" "}
          <dd className="inline text-muted">{measureDescription(name)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Keys() {
  return (
    <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 text-sm">
      {SHORTCUTS.map(([keys, what]) => (
        <div key={keys} className="contents">
          <dt className="num text-[13px]">{keys}</dt>
          <dd className="text-muted">{what}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What the colours, the numbers and the keys mean. */
export default function HelpPanel() {
  const open = useOverlays((s) => s.help);
  return (
    <Modal
      open={open}
      onClose={() => useOverlays.setState({ help: false })}
      title="How to read this page"
      side="wide"
    >
      <div className="space-y-7 px-5 py-4 [&_h2]:font-semibold">
        <section>
          <p>
            Before each token the model gives every possible next token a probability. How spread out these
            are is the <b className="font-semibold">entropy</b>; how unevenly, the{" "}
            <b className="font-semibold">varentropy</b>. The two together say in which quadrant the model is,
            and the sampler acts on it. Colour marks only where it hesitated: the hue and the line say which
            quadrant, the strength how unsure the model was, and a sure word is plain whatever its quadrant.
          </p>
          <Quadrants />
        </section>
        <section>
          <h2>What to do with it</h2>
          <ul className="mt-2 list-disc space-y-1 pl-5 text-sm text-muted">
            <li>
              Point at a word: a preview shows what else it weighed. Click it, tap it, or walk with the arrow
              keys: its card says all, and why it was coloured.
            </li>
            <li>
              Choose another token in the card to fork the answer there. The first version stays as a branch.
            </li>
            <li>
              Ask for several continuations at once there, or fork an answer everywhere it hesitated: the
              Forks tab shows which of them change the answer, and a click makes any of them the answer.
            </li>
            <li>Click a share under an answer: its tokens light up in the text, the timeline and the map.</li>
            <li>
              Change the sampler in the inspector, or let answers fork there; it applies to the next message.
            </li>
          </ul>
        </section>
        <section>
          <h2>The numbers</h2>
          <Measures />
        </section>
        <section>
          <h2>Keys</h2>
          <Keys />
        </section>
      </div>
    </Modal>
  );
}
