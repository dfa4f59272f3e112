/** The keys that a schema knows, for suggestions and for keys with new names. */
import type { core } from "zod";

/** The keys that a schema knows for the mapping at `path`: of all the objects that may stand there. */
export function knownKeys(schema: core.$ZodType, path: readonly PropertyKey[]): string[] {
  return [...new Set(formsAt(schema, path).flat())];
}

/** The same, of each of those objects. */
export function formsAt(schema: core.$ZodType, path: readonly PropertyKey[]): string[][] {
  return schemasAt(schema, path).flatMap(({ _zod: { def } }) =>
    def.type === "object" ? [Object.keys(def.shape)] : [],
  );
}

function schemasAt(schema: core.$ZodType, path: readonly PropertyKey[]): core.$ZodTypes[] {
  const alternatives = unwrap(schema);
  const [step, ...rest] = path;
  if (step === undefined) return alternatives;
  return alternatives.flatMap((each) => {
    const child = childOf(each, step);
    return child === undefined ? [] : schemasAt(child, rest);
  });
}

/** The plain schemas behind optional, default, pipe, lazy, union and so on. */
function unwrap(schema: core.$ZodType): core.$ZodTypes[] {
  const plain = schema as core.$ZodTypes;
  const { def } = plain._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "nonoptional":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
      return unwrap(def.innerType);
    case "pipe":
      return [...unwrap(def.in), ...unwrap(def.out)];
    case "lazy":
      return unwrap(def.getter());
    case "union":
      return def.options.flatMap(unwrap);
    case "intersection":
      return [...unwrap(def.left), ...unwrap(def.right)];
    default:
      return [plain];
  }
}

function childOf(schema: core.$ZodTypes, step: PropertyKey): core.$ZodType | undefined {
  const { def } = schema._zod;
  switch (def.type) {
    case "object":
      return Object.hasOwn(def.shape, step) ? def.shape[String(step)] : def.catchall;
    case "record":
      return def.valueType;
    case "array":
      return def.element;
    case "tuple":
      return def.items[Number(step)] ?? def.rest ?? undefined;
    default:
      return undefined;
  }
}
