import { useEffect, useState } from "react";

import { setQuery } from "../routes";

interface Props {
  /** Under which it stands in the address. */
  readonly name: string;
  readonly title: string;
  readonly value: string;
  readonly placeholder?: string;
}

/** A filter that is asked for a moment after one has stopped typing. */
export function TextFilter({ name, title, value, placeholder }: Props) {
  const [text, set] = useState(value);
  // What is typed keeps its blanks, which the address does not have.
  useEffect(() => set((typed) => (typed.trim() === value ? typed : value)), [value]);
  useEffect(() => {
    if (text.trim() === value) return undefined;
    const timer = setTimeout(() => setQuery({ [name]: text.trim() }), 400);
    return () => clearTimeout(timer);
  }, [text, value, name]);
  return (
    <label>
      {title} <input value={text} size={16} placeholder={placeholder} onChange={(e) => set(e.target.value)} />
    </label>
  );
}
