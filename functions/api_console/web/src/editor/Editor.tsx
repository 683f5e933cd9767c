import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

import { completed, type Sources } from "./completion";
import type { Checked } from "./findings";
import { difference } from "./patch";
import type { Format } from "./text";

interface Props {
  readonly text: string;
  readonly format: Format;
  readonly change: (text: string) => void;
  /** What was found, and in which text: it is marked as long as that is the one that stands here. */
  readonly checked: Checked | null;
  readonly sources: Sources;
  /** A place to go to; another object goes there again. */
  readonly jump: { readonly offset: number } | null;
}

// Style sheets of elements are forbidden by the policy of the page; a shadow root can adopt one that is made by a script.
const LOOK = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--ground)", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 60%, transparent)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--active-ground)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionInfo": { maxWidth: "360px", padding: "6px 10px" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--raised)", color: "var(--muted)", border: "1px solid var(--line)" },
  ".cm-matchingBracket": { backgroundColor: "var(--active-ground) !important" },
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.content], color: "var(--ok)" },
  { tag: tags.number, color: "var(--stopped)" },
  { tag: [tags.bool, tags.null, tags.keyword], color: "var(--waiting)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);

/** The text of a workflow: coloured, completed by its schema, with what is wrong marked where it is. */
export default function Editor({ text, format, change, checked, sources, jump }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const now = useRef({ change, format, sources });
  now.current = { change, format, sources };
  useEffect(() => {
    const host = place.current;
    if (host === null) return undefined;
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const complete: Extension = autocompletion({ override: [(context) => completed(context, now.current.format, now.current.sources)], icons: false });
    const opened = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(),
          highlightSelectionMatches(), search({ top: true }), complete, LOOK, syntaxHighlighting(COLOURS), indentUnit.of("  "),
          EditorState.tabSize.of(2),
          language.current.of(languageOf(format)),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
          // What can be edited is a stop of Tab anyway; said in words, axe sees that the text can be scrolled by keys.
          EditorView.contentAttributes.of({ "aria-label": "Text of the workflow. Escape and then Tab leaves it; F8 goes to the next finding.", spellcheck: "false", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) now.current.change(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = opened;
    return () => {
      view.current = null;
      opened.destroy();
    };
    // It is opened once; what changes later is told to it below.
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(languageOf(format)) });
  }, [format]);

  useEffect(() => {
    const opened = view.current;
    if (opened === null) return;
    const standing = opened.state.doc.toString();
    if (standing !== text) opened.dispatch({ changes: difference(standing, text) });
  }, [text]);

  useEffect(() => {
    const opened = view.current;
    if (opened === null || checked === null || checked.text !== opened.state.doc.toString()) return;
    opened.dispatch(setDiagnostics(opened.state, checked.findings.map(diagnosticOf)));
  }, [checked, text]);

  useEffect(() => {
    const opened = view.current;
    if (opened === null || jump === null) return;
    const anchor = Math.min(jump.offset, opened.state.doc.length);
    opened.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    opened.focus();
  }, [jump]);

  return (
    <div className="editor">
      <div ref={place} />
    </div>
  );
}

function languageOf(format: Format): Extension {
  return format === "json" ? json() : yaml();
}

function diagnosticOf({ from, to, severity, code, detail, fix }: Checked["findings"][number]): Diagnostic {
  return {
    from,
    to,
    severity,
    source: code,
    message: detail,
    ...(fix === null
      ? {}
      : {
          actions: [
            {
              name: `Write ${fix.insert}`,
              apply: (opened: EditorView, at: number) => {
                // The text before may have changed since: the mark has moved along with it.
                const moved = at - from;
                opened.dispatch({ changes: { from: fix.from + moved, to: fix.to + moved, insert: fix.insert } });
              },
            },
          ],
        }),
  };
}
