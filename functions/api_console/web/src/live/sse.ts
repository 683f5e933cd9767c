/** Server-sent events from text, as the HTML standard cuts them up. `EventSource` itself sends no header Authorization. */

export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Cuts up a stream that comes in pieces. `retry` is the pause that the server asked for, in milliseconds. */
export class EventParser {
  retry: number | null = null;
  lastId = "";
  private rest = "";
  private data: string[] = [];
  private type = "";

  push(text: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    this.rest += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest);
      if (end === null) return found;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.take(line);
      if (event !== null) found.push(event);
    }
  }

  private take(line: string): ServerEvent | null {
    if (line === "") {
      const event = { id: this.lastId, type: this.type || "message", data: this.data.join("\n") };
      const hasData = this.data.length > 0;
      this.data = [];
      this.type = "";
      return hasData ? event : null;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.type = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return null;
  }
}
