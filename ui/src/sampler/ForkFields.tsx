import { ChevronRight } from "lucide-react";
import { useMemo } from "react";
import type { ForkPolicy, Samplers } from "@/api/samplers";
import { inputLook, Select } from "@/kit/controls";
import { equal, valueAt, withValue } from "@/lib/overrides";
import type { ForkSettings, SamplerSettings } from "@/store/model";
import { ParameterField } from "./ParameterField";
import { type Field, fieldGroups } from "./schema";

type Change = (forks: ForkSettings | null) => void;

const OFF = "off";

/** What the slider of the budget goes through; the last step is no limit. */
const BUDGETS = [64, 128, 256, 512, 1024, 2048, 4096, 8192];
const MOST = 1_000_000;

/** The tokens that all paths may have together. Empty: no limit but the longest answer's, for each. */
function Budget({ value, onChange }: { value: number | null; onChange: (value: number | null) => void }) {
  const at = value === null ? BUDGETS.length : BUDGETS.findIndex((budget) => budget >= value);
  return (
    <div
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 py-2"
      data-field="budget"
    >
      <label htmlFor="fork-budget" className="col-span-2 flex h-6 items-center text-[13px] font-medium">
        Budget
      </label>
      <input
        type="range"
        className="slider w-full"
        aria-label="Budget, by steps"
        aria-valuetext={value === null ? "no limit" : `${value} tokens`}
        min={0}
        max={BUDGETS.length}
        step={1}
        value={at < 0 ? BUDGETS.length - 1 : at}
        onChange={(event) => onChange(BUDGETS[Number(event.target.value)] ?? null)}
      />
      <input
        id="fork-budget"
        inputMode="numeric"
        autoComplete="off"
        placeholder="no limit"
        className={`${inputLook} num h-7 w-20 text-right text-[13px]`}
        value={value ?? ""}
        onChange={(event) => {
          const digits = event.target.value.replace(/\D/g, "").slice(0, 7);
          onChange(digits === "" ? null : Math.min(MOST, Math.max(1, Number(digits))));
        }}
      />
      <p className="col-span-2 text-xs leading-[1.45] text-muted">
        The tokens that all paths may have together. When three quarters are spent, the best path goes on
        alone.
      </p>
    </div>
  );
}

function Policy({ policy, forks, onChange }: { policy: ForkPolicy; forks: ForkSettings; onChange: Change }) {
  const { overrides } = forks;
  const fields = useMemo(
    () => fieldGroups(policy.schema, policy.defaults).flatMap((group) => group.fields),
    [policy],
  );
  const set = (field: Pick<Field, "path">, value: unknown) => {
    const same = equal(value, valueAt(policy.defaults, field.path));
    onChange({ ...forks, overrides: withValue(overrides, field.path, same ? undefined : value) });
  };
  const field = (one: Field) => (
    <ParameterField
      key={`${policy.name} ${one.id}`}
      field={one}
      value={valueAt(overrides, one.path) ?? valueAt(policy.defaults, one.path)}
      usual={valueAt(policy.defaults, one.path)}
      onChange={set}
    />
  );
  const budget = valueAt(overrides, ["budget"]);
  const paths = fields.find(({ id }) => id === "paths");
  const more = fields.filter(({ id }) => !["policy", "paths", "budget"].includes(id));
  return (
    <>
      <p className="mt-1.5 text-xs leading-[1.45] text-muted">{policy.description}</p>
      {paths && field(paths)}
      <Budget
        value={typeof budget === "number" ? budget : null}
        onChange={(value) => set({ path: ["budget"] }, value)}
      />
      <details className="group">
        <summary className="flex cursor-pointer list-none items-center gap-1.5 py-1 text-xs text-muted hover:text-ink">
          <ChevronRight size={13} className="transition-transform group-open:rotate-90" aria-hidden />
          Scores, votes and where it forks
        </summary>
        <div className="pl-5">{more.map(field)}</div>
      </details>
    </>
  );
}

/** Whether an answer goes on several paths, and how: off, or a policy with its width and its budget. */
export function ForkFields({
  settings,
  samplers,
  onChange,
}: {
  settings: SamplerSettings;
  samplers: Samplers;
  onChange: Change;
}) {
  const forks = settings.forks ?? null;
  const policy = samplers.forks.find(({ name }) => name === forks?.policy);
  if (samplers.forks.length === 0) return null;
  return (
    <section className="mt-4 border-t border-line pt-3" aria-label="Forks">
      <div className="flex items-center gap-3">
        <span className="text-[13px] font-semibold">Forks</span>
        <Select
          label="Forks"
          className="ml-auto h-8! w-44 text-sm!"
          options={[
            { value: OFF, label: "off · one path" },
            ...samplers.forks.map(({ name }) => ({ value: name, label: name })),
          ]}
          value={policy?.name ?? OFF}
          onChange={(name) => onChange(name === OFF ? null : { policy: name, overrides: {} })}
        />
      </div>
      {forks && policy ? (
        <Policy policy={policy} forks={forks} onChange={onChange} />
      ) : (
        <p className="mt-1.5 text-xs leading-[1.45] text-muted">
          An answer that forks goes several ways at once, and what most of them say is the answer.
        </p>
      )}
    </section>
  );
}
