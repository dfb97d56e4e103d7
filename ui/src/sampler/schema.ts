import type { JsonSchema } from "@/api/samplers";
import { type Path, valueAt } from "@/lib/overrides";

/** One parameter as the panel shows it, read out of the config's JSON Schema. */
export interface Field {
  path: Path;
  /** Joined path: unique in a config. */
  id: string;
  label: string;
  description: string;
  kind: "number" | "integer" | "boolean" | "choice" | "list" | "text";
  minimum: number | null;
  maximum: number | null;
  /** What it may be; what each line of a list may be. */
  choices: string[];
  /** For the lines of a list. */
  pattern: string | null;
  /** A line that fits it. */
  example: string;
  /** Whether a list may have no lines. */
  empty: boolean;
}

export interface FieldGroup {
  name: string;
  description: string;
  fields: Field[];
}

/** The schema with its $ref, allOf of one and nullable anyOf followed. */
export function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const target = schema.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1];
  const { $ref: _ref, allOf, anyOf, ...own } = schema;
  if (target) return { ...resolve(root.$defs?.[target] ?? {}, root), ...own };
  if (allOf?.length) return Object.assign({}, own, ...allOf.map((part) => resolve(part, root)));
  const some = anyOf?.find((part) => part.type !== "null");
  return some ? { ...resolve(some, root), ...own } : own;
}

function kindOf(schema: JsonSchema): Field["kind"] {
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== "null") : schema.type;
  if (schema.enum) return "choice";
  if (type === "integer" || type === "number" || type === "boolean") return type;
  return type === "array" ? "list" : "text";
}

/** Names that are written as their authors do. */
const WRITTEN: Record<string, string> = {
  top_n_sigma: "Top-nσ",
  p_less: "p-less",
  xtc_probability: "XTC probability",
  xtc_threshold: "XTC threshold",
};

/** The group of what any sampler may have beside its own values. */
export const CHANGES = "Penalties and filters";
const OF_CHANGES = /_penalty$|^(top_n_sigma|p_less|min_entropy_gain|xtc_.*)$/;

/** "low_logits_entropy_threshold" as "Low logits entropy": what every name of its group repeats is left out. */
export function labelOf(name: string): string {
  const words = name
    .replace(/_threshold$/, "")
    .replaceAll("_", " ")
    .replace(/\b(top|min) ([pk])\b/g, "$1_$2");
  if (name in WRITTEN) return WRITTEN[name] as string;
  return /^(top|min)_/.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
}

type Bounds = Pick<Field, "minimum" | "maximum">;

function bounds(schema: JsonSchema): Bounds {
  return {
    minimum: schema.minimum ?? schema.exclusiveMinimum ?? null,
    maximum: schema.maximum ?? schema.exclusiveMaximum ?? null,
  };
}

function fieldOf(path: Path, schema: JsonSchema): Field {
  const name = path[path.length - 1] ?? "";
  const items = (schema as { items?: { pattern?: string; examples?: string[]; enum?: unknown[] } }).items;
  return {
    path,
    id: path.join("."),
    label: labelOf(name),
    description: schema.description ?? "",
    kind: kindOf(schema),
    ...bounds(schema),
    choices: (schema.enum ?? items?.enum ?? []).map(String),
    pattern: items?.pattern ?? null,
    example: items?.examples?.[0] ?? "",
    empty: Array.isArray(schema.default) && schema.default.length === 0,
  };
}

/**
 * The parameters in groups: the config's own values, what any sampler may have, thresholds, and one group for each nested
 * object (a quadrant). Only what `values` has is listed, so that a sampler with fewer parameters shows those.
 */
export function fieldGroups(schema: JsonSchema, values: Record<string, unknown>): FieldGroup[] {
  const base: FieldGroup = { name: "Base values", description: "", fields: [] };
  const changes: FieldGroup = { name: CHANGES, description: "", fields: [] };
  const thresholds: FieldGroup = { name: "Thresholds", description: "", fields: [] };
  const nested: FieldGroup[] = [];
  const walk = (object: JsonSchema, path: Path, group: FieldGroup | null) => {
    for (const [name, raw] of Object.entries(object.properties ?? {})) {
      const property = resolve(raw, schema);
      const at = [...path, name];
      if (valueAt(values, at) === undefined) continue;
      if (property.properties) {
        const inner = group ?? { name: labelOf(name), description: property.description ?? "", fields: [] };
        if (!group) nested.push(inner);
        walk(property, at, inner);
      } else {
        const own = OF_CHANGES.test(name) ? changes : name.endsWith("_threshold") ? thresholds : base;
        (group ?? own).fields.push(fieldOf(at, property));
      }
    }
  };
  walk(resolve(schema, schema), [], null);
  return [base, changes, thresholds, ...nested].filter((group) => group.fields.length > 0);
}

/** What is wrong with a value that a person entered; null where nothing is. */
export function faultOf(field: Field, value: unknown): string | null {
  if (field.kind === "number" || field.kind === "integer") {
    const { minimum: low, maximum: high } = field;
    const range = `${low ?? "−∞"} to ${high ?? "∞"}`;
    if (typeof value !== "number" || !Number.isFinite(value)) return `A number from ${range}.`;
    if (field.kind === "integer" && !Number.isInteger(value)) return `A whole number from ${range}.`;
    if ((low !== null && value < low) || (high !== null && value > high)) return `From ${range}.`;
  }
  if (field.kind === "list" && Array.isArray(value) && field.choices.length > 0) {
    const wrong = value.find((line) => !field.choices.includes(String(line)));
    if (wrong !== undefined) return `“${wrong}” is none of ${field.choices.join(", ")}.`;
  }
  if (field.kind === "list" && Array.isArray(value) && field.pattern) {
    const pattern = new RegExp(field.pattern);
    const wrong = value.find((line) => !pattern.test(String(line)));
    if (wrong !== undefined) return `“${wrong}” cannot be read: write “${field.example}”.`;
    if (value.length === 0 && !field.empty) return "At least one condition.";
  }
  return null;
}
