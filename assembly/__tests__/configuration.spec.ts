/** The plugin configuration: which table and listener it names. */
import * as configuration from "../configuration";
import { isShadow, listener, listenerLength, readConfiguration } from "../configuration";
import * as message from "../message";
import { bytesOf, textAt } from "./ascii";

/** What is said of a configuration that is refused. */
function refusal(text: string): string {
  message.clear();
  const table = readConfiguration(bytesOf(text), text.length);
  return table ? "accepted" : textAt(message.address(), message.size());
}

describe("readConfiguration", () => {
  it("refuses nothing at all", () => {
    expect(refusal("")).toBe("the configuration is empty: it should be a table");
  });

  it("says at which character base64 ends", () => {
    expect(refusal("UE5U!")).toBe("the configuration is neither a table nor base64: character 5");
  });

  it("says so where it is a protobuf Struct, and takes base64 that begins with line ends", () => {
    const struct =
      'the configuration is a google.protobuf.Struct: give a StringValue with the JSON {"table": base64}, or with base64 alone, or a BytesValue with the table';
    expect(
      refusal('{"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"listener": "mesh"}}'),
    ).toBe(struct);
    const other = 'the configuration is a message with its "@type": give what its "value" has, and no more';
    expect(refusal('{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "UE5U"}')).toBe(
      other,
    );
    expect(refusal('{"@type"')).toBe(other);
    expect(refusal('{"@type": "Struct"}')).toBe(other);
    expect(refusal("\n\x10\n\x08listener\x12\x04\x1a\x02ab")).toBe(struct);
    expect(refusal("\n\xc4\x1e\n\x05table\x12")).toBe(struct);
    expect(refusal("\n\n\nUE5UUw==")).toBe("4 bytes: too short for a table");
  });

  it("takes raw bytes and base64 as a table", () => {
    expect(refusal("PNTS")).toBe("4 bytes: too short for a table");
    expect(refusal("UE5UUw==")).toBe("4 bytes: too short for a table");
  });

  it("takes the table and the listener out of JSON, in any order, escapes undone", () => {
    expect(refusal('{"listener": "mesh \\u002d1", "table": "UE5U\\/w=="}')).toBe(
      "4 bytes: too short for a table",
    );
    expect(textAt(configuration.listener, configuration.listenerLength)).toBe("mesh -1");
    expect(refusal(' {"table":"UE5UUw=="}\n')).toBe("4 bytes: too short for a table");
    expect<u32>(configuration.listenerLength).toBe(0);
  });

  it("takes the table's bytes after JSON that does not have it", () => {
    expect(refusal('{"listener":"mesh","datacentre":"b","primary":"a"}PNTS')).toBe(
      "4 bytes: too short for a table",
    );
    expect(textAt(configuration.listener, configuration.listenerLength)).toBe("mesh");
    expect(refusal('{"primary":"a"}\n PNTS?')).toBe("5 bytes: too short for a table");
  });

  it("passes over the attempt, a whole number or text", () => {
    for (let i = 0; i < 4; i++) {
      const attempt = ["7", " 12 ", '"2026-11-26 a"', "0"][i];
      expect(refusal(`{"attempt":${attempt},"listener":"a"}PNTS`)).toBe("4 bytes: too short for a table");
      expect(refusal(`{"listener":"a","attempt":${attempt}}PNTS`)).toBe("4 bytes: too short for a table");
      expect(textAt(listener, listenerLength)).toBe("a");
    }
    expect(refusal('{"attempt":}PNTS')).toBe(
      "the configuration is not valid JSON: expected text in quotes at character 12",
    );
    expect(refusal('{"attempt":1.5}PNTS')).toBe(
      "the configuration is not valid JSON: expected a comma or a closing brace at character 13",
    );
    expect(refusal('{"attempt":-1}PNTS')).toBe(
      "the configuration is not valid JSON: expected text in quotes at character 12",
    );
    expect(refusal('{"attempt":12')).toBe(
      "the configuration is not valid JSON: expected a comma or a closing brace at character 13",
    );
    expect(refusal('{"listener":7}PNTS')).toBe(
      "the configuration is not valid JSON: expected text in quotes at character 13",
    );
  });

  it("takes shadow as true or false, and as nothing else", () => {
    expect(refusal('{"shadow": true ,"listener":"a"}PNTS')).toBe("4 bytes: too short for a table");
    expect(isShadow).toBe(true);
    expect(refusal('{"listener":"a","shadow":false}PNTS')).toBe("4 bytes: too short for a table");
    expect(isShadow).toBe(false);
    for (let i = 0; i < 7; i++) {
      const shadow = ['"true"', "1", "tru", "trueish", "TRUE", "null", ""][i];
      const expected =
        shadow == "trueish" ? "a comma or a closing brace at character 15" : "true or false at character 10";
      expect(refusal(`{"shadow":${shadow}}PNTS`)).toBe(
        `the configuration is not valid JSON: expected ${expected}`,
      );
    }
    expect(refusal("PNTS")).toBe("4 bytes: too short for a table");
    expect(isShadow).toBe(false);
  });

  it("says what is wrong with JSON", () => {
    expect(refusal("{}")).toBe(
      "the configuration is not valid JSON: expected a name in quotes at character 2",
    );
    expect(refusal('{"listener":"a"}')).toBe('the configuration has no "table", and no table follows it');
    expect(refusal('{"listener":"a"} PNT')).toBe('the configuration has no "table", and no table follows it');
    expect(refusal('{"tabel":"a"}')).toBe(
      'the configuration has an unknown name, or not as plain text: "tabel"; "table", "listener", "datacentre", "primary", "cluster-header", "attempt" and "shadow" are known',
    );
    expect(refusal('{"table":"a","table":"b"}')).toBe(
      "the configuration is not valid JSON: expected a name that did not come before at character 20",
    );
    expect(refusal('{"table":1}')).toBe(
      "the configuration is not valid JSON: expected text in quotes at character 10",
    );
    expect(refusal('{"table":"a"} x')).toBe(
      "the configuration is not valid JSON: expected nothing after the object at character 15",
    );
    expect(refusal('{"table":"a')).toBe(
      "the configuration is not valid JSON: expected text in quotes at character 11",
    );
  });
});
