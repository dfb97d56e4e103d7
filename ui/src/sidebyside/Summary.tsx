import { Glyph } from "@/instruments/Glyph";
import { useSelection } from "@/instruments/selection";
import { percent, plural, visible } from "@/lib/format";
import { QUADRANT_NAMES, QUADRANTS } from "@/lib/quadrants";
import { underWay } from "@/store/status";
import type { Answer, TokenRecord } from "@/types";
import { divergence, meanEntropy, quadrantShares } from "./divergence";

const ended = (answer: Answer) => !underWay(answer);

function Word({ answer, index, token }: { answer: Answer; index: number; token: TokenRecord | null }) {
  if (!token) return <span className="text-muted">the end</span>;
  return (
    <button
      type="button"
      className="num rounded border border-line bg-raised px-1.5 text-[13px] hover:border-line-strong"
      onClick={() => useSelection.getState().select({ answerId: answer.id, index }, "text")}
    >
      {visible(token.text || token.token)}
    </button>
  );
}

function Where({ left, right }: { left: Answer; right: Answer }) {
  const at = divergence(left.tokens, right.tokens, { left: ended(left), right: ended(right) });
  if (at.same) {
    const done = ended(left) && ended(right);
    return (
      <p>
        {done ? "The same answer" : "The same so far"}:{" "}
        <span className="num">{plural(at.shared, "token")}</span>.
      </p>
    );
  }
  return (
    <p className="flex flex-wrap items-center gap-x-1.5 gap-y-1">
      {at.shared === 0 ? (
        "They part at the first token:"
      ) : (
        <span>
          They share <span className="num">{plural(at.shared, "token")}</span>, then part:
        </span>
      )}
      <Word answer={left} index={at.shared} token={at.left} />
      <span className="text-muted">against</span>
      <Word answer={right} index={at.shared} token={at.right} />
    </p>
  );
}

function Shares({ left, right }: { left: Answer; right: Answer }) {
  const sides = [left, right].map((answer) => ({
    answer,
    shares: quadrantShares(answer.tokens),
    entropy: meanEntropy(answer.tokens),
  }));
  return (
    <table className="text-sm whitespace-nowrap">
      <thead>
        <tr className="text-left text-xs text-muted">
          <th className="pr-2 font-normal sm:pr-4">Share of tokens</th>
          {QUADRANT_NAMES.map((name) => (
            <th key={name} scope="col" className="num px-1 text-right font-semibold sm:px-2" title={name}>
              <span style={{ color: `var(${QUADRANTS[name].colour})` }}>
                <Glyph of={name} />
              </span>
              <span className="sr-only">{name}</span>
            </th>
          ))}
          <th scope="col" className="pl-2 text-right font-normal sm:pl-4">
            <span className="max-sm:sr-only">Mean </span>entropy
          </th>
        </tr>
      </thead>
      <tbody>
        {sides.map(({ answer, shares, entropy }) => (
          <tr key={answer.id}>
            <th scope="row" className="max-w-44 truncate pr-2 text-left sm:pr-4 font-normal">
              {answer.label.split(" · ")[0]}
            </th>
            {QUADRANT_NAMES.map((name) => (
              <td key={name} className="num px-1 text-right text-[13px] sm:px-2">
                {shares ? percent(shares[name]) : "–"}
              </td>
            ))}
            <td className="num pl-2 text-right text-[13px] sm:pl-4">
              {entropy === null ? "–" : `${entropy.toFixed(2)} bits`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where the two answers parted, and how sure each was. */
export function Summary({ left, right }: { left: Answer; right: Answer }) {
  if (left.tokens.length === 0 || right.tokens.length === 0) return null;
  return (
    <section
      aria-label="Where they parted"
      className="flex flex-wrap items-start justify-between gap-x-10 gap-y-2 border-b border-line bg-panel px-4 py-2.5 text-sm"
    >
      <Where left={left} right={right} />
      <div className="max-w-full overflow-x-auto">
        <Shares left={left} right={right} />
      </div>
    </section>
  );
}
