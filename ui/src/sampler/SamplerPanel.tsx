import { ChevronRight, Download, RotateCcw, Search, Upload } from "lucide-react";
import { useCallback, useMemo, useRef, useState } from "react";
import { AUTO, type Samplers, schemaOf } from "@/api/samplers";
import { useServer } from "@/api/server";
import { Button, inputLook } from "@/kit/controls";
import { chooseFile, download, fileName } from "@/kit/files";
import { attempt, notify } from "@/kit/notices";
import { countChanges, equal, merge, valueAt, withValue } from "@/lib/overrides";
import { useSamplerSettings } from "@/store/current";
import { changesIn, type SamplerSettings } from "@/store/model";
import { useRoute } from "@/store/route";
import { BIAS } from "./bias";
import { ForkFields } from "./ForkFields";
import { configFile, readConfigFile } from "./file";
import { ParameterField } from "./ParameterField";
import { Fitting, PresetSelect } from "./PresetSelect";
import { SeedField } from "./SeedField";
import { CHANGES, type Field, type FieldGroup, fieldGroups } from "./schema";

type Change = (change: Partial<SamplerSettings>) => void;

function Group({
  group,
  open,
  render,
}: {
  group: FieldGroup;
  open: boolean;
  render: (field: Field) => React.ReactNode;
}) {
  return (
    <details open={open} className="group border-t border-line">
      <summary className="flex cursor-pointer list-none items-center gap-1.5 py-2.5 text-[13px] font-semibold">
        <ChevronRight
          size={14}
          className="text-faint transition-transform group-open:rotate-90"
          aria-hidden
        />
        {group.name}
        <span className="num ml-auto font-normal text-faint text-xs">{group.fields.length}</span>
      </summary>
      <div className="pb-3 pl-5">
        {group.description && <p className="pb-1 text-xs text-muted">{group.description}</p>}
        {group.fields.map(render)}
      </div>
    </details>
  );
}

function Files({
  settings,
  samplers,
  onChange,
}: {
  settings: SamplerSettings;
  samplers: Samplers;
  onChange: Change;
}) {
  const preset = samplers.presets[settings.preset] ?? {};
  const save = () =>
    download(fileName(`${settings.preset}-sampler`, "json"), configFile(preset, settings.overrides));
  const open = () =>
    attempt(async () => {
      const text = await chooseFile("application/json,.json");
      if (text === null) return;
      const overrides = readConfigFile(text, settings.preset, samplers);
      onChange({ overrides });
      const changes = countChanges(overrides);
      notify(
        changes
          ? `Imported: ${changes} values differ from ${settings.preset}.`
          : "Imported: the preset's values.",
      );
    });
  return (
    <div className="flex flex-wrap gap-2">
      <Button onClick={save} title="As the command line's --sampler_config reads it">
        <Download size={14} aria-hidden /> Export
      </Button>
      <Button onClick={open}>
        <Upload size={14} aria-hidden /> Import
      </Button>
      {changesIn(settings) > 0 && (
        <Button look="quiet" onClick={() => onChange({ overrides: {}, biases: [] })}>
          <RotateCcw size={14} aria-hidden /> Reset all
        </Button>
      )}
    </div>
  );
}

const NO_LINES: string[] = [];

/** The groups of parameters, with the biases at the end of what any sampler may have. */
function withBias(groups: FieldGroup[]): FieldGroup[] {
  return groups.map((group) =>
    group.name === CHANGES ? { ...group, fields: [...group.fields, BIAS] } : group,
  );
}

/** The parameters of a sampler, from its schema; a search box, because the entropy sampler has many. */
function Parameters({
  settings,
  samplers,
  onChange,
}: {
  settings: SamplerSettings;
  samplers: Samplers;
  onChange: Change;
}) {
  const [query, setQuery] = useState("");
  const preset = samplers.presets[settings.preset];
  const groups = useMemo(
    () => withBias(fieldGroups(schemaOf(samplers, settings.preset), preset ?? {})),
    [samplers, settings.preset, preset],
  );
  const merged = useMemo(() => merge(preset ?? {}, settings.overrides), [preset, settings.overrides]);
  const latest = useRef(settings.overrides);
  latest.current = settings.overrides;
  const set = useCallback(
    (field: Field, value: unknown) => {
      if (field === BIAS) return onChange({ biases: (value ?? NO_LINES) as string[] });
      const same = equal(value, valueAt(preset, field.path));
      const overrides = withValue(latest.current, field.path, same ? undefined : value);
      onChange({ overrides });
    },
    [onChange, preset],
  );
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = groups
    .map((group) => ({
      ...group,
      fields: group.fields.filter((f) => {
        const text = `${group.name} ${f.id} ${f.label} ${f.description}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter((group) => group.fields.length > 0);
  return (
    <>
      <div className="relative mt-4 mb-3">
        <Search size={14} className="absolute top-2.5 left-2.5 text-faint" aria-hidden />
        <input
          type="search"
          aria-label="Find a parameter"
          placeholder="Find a parameter"
          className={`${inputLook} h-8 w-full pl-8`}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      {found.length === 0 && <p className="text-sm text-muted">No parameter matches “{query}”.</p>}
      {found.map((group, i) => (
        <Group
          key={`${group.name}${words.length > 0}`}
          group={group}
          open={i === 0 || words.length > 0}
          render={(field) => (
            <ParameterField
              key={field.id}
              field={field}
              value={field === BIAS ? (settings.biases ?? NO_LINES) : valueAt(merged, field.path)}
              usual={field === BIAS ? NO_LINES : valueAt(preset, field.path)}
              onChange={set}
            />
          )}
        />
      ))}
    </>
  );
}

function MaxTokens({ settings, onChange }: { settings: SamplerSettings; onChange: Change }) {
  return (
    <input
      aria-label="Longest answer, in tokens"
      inputMode="numeric"
      className={`${inputLook} num h-8 w-full min-w-0 text-[13px]`}
      value={settings.maxTokens || ""}
      onChange={(event) => onChange({ maxTokens: Number(event.target.value.replace(/\D/g, "").slice(0, 6)) })}
      onBlur={() => settings.maxTokens || onChange({ maxTokens: 1024 })}
    />
  );
}

/** Any sampler settings as a form; used for the conversation and for each column of a comparison. */
export function SamplerForm({
  settings,
  onChange,
  samplers,
}: {
  settings: SamplerSettings;
  onChange: Change;
  samplers: Samplers;
}) {
  return (
    <div className="px-4 py-3">
      <div className="grid grid-cols-2 gap-x-3 gap-y-2">
        <div className="col-span-2">
          <PresetSelect samplers={samplers} settings={settings} onChange={onChange} />
        </div>
        {settings.preset === AUTO && (
          <div className="col-span-2">
            <Fitting fitted={samplers.fitted} />
          </div>
        )}
        <div>
          <span className="text-xs text-muted">Seed</span>
          <SeedField seed={settings.seed} onChange={(seed) => onChange({ seed })} />
        </div>
        <div>
          <span className="text-xs text-muted">Longest answer, tokens</span>
          <MaxTokens settings={settings} onChange={onChange} />
        </div>
      </div>
      <div className="mt-3">
        <Files settings={settings} samplers={samplers} onChange={onChange} />
      </div>
      <ForkFields settings={settings} samplers={samplers} onChange={(forks) => onChange({ forks })} />
      <Parameters settings={settings} samplers={samplers} onChange={onChange} />
    </div>
  );
}

export function SamplerPanel() {
  const samplers = useServer((s) => s.samplers);
  const [settings, onChange] = useSamplerSettings();
  const pair = useRoute((s) => s.screen === "pair");
  if (pair)
    return (
      <p className="p-4 text-sm text-muted">
        Each column has its own sampler here: change them above the answers.
      </p>
    );
  if (!samplers)
    return <p className="p-4 text-sm text-muted">The parameters appear here once the server answers.</p>;
  return (
    <>
      <p className="px-4 pt-3 text-xs text-muted">
        Applies to the next message. Saved with the conversation.
      </p>
      <SamplerForm settings={settings} onChange={onChange} samplers={samplers} />
    </>
  );
}
