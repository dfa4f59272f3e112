// A transform of the AssemblyScript compiler: the literal of `ascii("abc")` becomes bytes in static memory, their number
// before them. So a text is written as it reads, nobody counts it, and it costs nothing at run time. `$VERSION` in it is
// the project's.
import { readFileSync } from "node:fs";
import { LiteralKind, Node, NodeKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

const NAME = "ascii";
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

export default class AsciiText extends Transform {
  afterParse(parser) {
    for (const source of parser.sources) replaceIn(source.statements);
  }
}

/** In each call in the syntax tree below, wherever an expression may stand. */
function replaceIn(tree) {
  for (const [key, child] of Object.entries(tree)) {
    if (key === "range" || child === null || typeof child !== "object") continue;
    if (isCall(child)) child.args = [staticText(child.args[0].value, child.range)];
    else if (child instanceof Node || Array.isArray(child)) replaceIn(child);
  }
}

function isCall({ kind, expression, args }) {
  if (kind !== NodeKind.Call || expression.text !== NAME) return false;
  const [literal] = args;
  if (args.length === 1 && literal.kind === NodeKind.Literal && literal.literalKind === LiteralKind.String)
    return true;
  throw new Error(`${NAME}() takes one literal`);
}

/** `memory.data<u8>([length as a u32, characters])` */
function staticText(literal, range) {
  const text = literal.replace("$VERSION", version);
  const bytes = [text.length & 0xff, text.length >> 8, 0, 0, ...Buffer.from(text, "latin1")];
  const numbers = bytes.map((byte) => Node.createIntegerLiteralExpression(globalThis.i64_new(byte), range));
  const name = (word) => Node.createIdentifierExpression(word, range);
  const data = Node.createPropertyAccessExpression(name("memory"), name("data"), range);
  const u8 = Node.createNamedType(Node.createSimpleTypeName("u8", range), null, false, range);
  return Node.createCallExpression(data, [u8], [Node.createArrayLiteralExpression(numbers, range)], range);
}
