/** CodeMirror with a file of the farm, and a marker at each line with a problem. */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { SourceError } from "../../sources/problem.ts";

export interface Problem {
  severity: "error" | "warning";
  error: SourceError;
}

export class TextEditor {
  private readonly view: EditorView;
  /** By file, so that each keeps what can be undone. */
  private readonly states = new Map<string, EditorState>();
  private file = "";

  /** @param into an element that holds nothing else; its shadow does, as the page's policy lets in no style but its own */
  constructor(
    into: HTMLElement,
    private readonly onChange: (file: string, text: string) => void,
  ) {
    const root = into.shadowRoot ?? into.attachShadow({ mode: "open" });
    this.view = new EditorView({ parent: root, root });
  }

  /** @param text of a file that was not shown before */
  show(file: string, text: () => string): void {
    if (file === this.file) return;
    if (this.file !== "") this.states.set(this.file, this.view.state);
    this.file = file;
    this.view.setState(this.states.get(file) ?? this.stateOf(file, text()));
  }

  goTo(line: number, column = 1): void {
    const { doc } = this.view.state;
    const { from, length } = doc.line(Math.min(line, doc.lines));
    const at = from + Math.min(column - 1, length);
    this.view.dispatch({
      selection: { anchor: at },
      effects: EditorView.scrollIntoView(at, { y: "center" }),
    });
    this.view.focus();
  }

  /** Those of the file that is shown, and no others. */
  mark(problems: readonly Problem[]): void {
    const { state } = this.view;
    const { doc } = state;
    const diagnostics = problems.flatMap(({ severity, error }): Diagnostic[] => {
      if (error.file !== this.file) return [];
      const { from, to, length } = doc.line(Math.min(error.line ?? 1, doc.lines));
      return [{ from: from + Math.min((error.column ?? 1) - 1, length), to, severity, message: error.what }];
    });
    this.view.dispatch(setDiagnostics(state, diagnostics));
  }

  destroy(): void {
    this.view.destroy();
  }

  private stateOf(file: string, doc: string): EditorState {
    const changes = EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) this.onChange(file, state.doc.toString());
    });
    const label = EditorView.contentAttributes.of({
      "aria-label": `Text of ${file}`,
      spellcheck: "false",
      tabindex: "0",
    });
    const language = /\.(?:ya?ml|json)$/.test(file) ? [yaml()] : [];
    return EditorState.create({ doc, extensions: [...EXTENSIONS, ...language, changes, label] });
  }
}

const colour = (light: string, dark: string) => ({ color: `light-dark(${light}, ${dark})` });

const EXTENSIONS: readonly Extension[] = [
  lineNumbers(),
  history(),
  lintGutter(),
  // Tab goes on to what follows the editor.
  keymap.of([...defaultKeymap, ...historyKeymap]),
  EditorView.lineWrapping,
  syntaxHighlighting(
    HighlightStyle.define([
      { tag: [tags.propertyName, tags.definition(tags.propertyName)], ...colour("#0b4f9e", "#8ab8ff") },
      { tag: [tags.string, tags.content], ...colour("#14653a", "#7fd8a4") },
      { tag: tags.comment, ...colour("#4b5563", "#a9b2bf"), fontStyle: "italic" },
    ]),
  ),
  EditorView.theme({
    "&": { backgroundColor: "var(--card)", border: "1px solid var(--quiet)", maxHeight: "32rem" },
    "&.cm-focused": { outline: "3px solid var(--link)" },
    ".cm-scroller": { overflow: "auto", fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace' },
    ".cm-content": { caretColor: "var(--text)" },
    ".cm-gutters": { backgroundColor: "var(--back)", color: "var(--quiet)", borderColor: "var(--line)" },
    ".cm-tooltip": { backgroundColor: "var(--back)", color: "var(--text)" },
  }),
];
