/**
 * Conversations with agents, each kept as long as the tab is open: who looks at another page meanwhile finds the answer when he comes
 * back. Nothing of it is stored in the browser; the runs that answered are.
 */

import { newKey, wasRefused } from "../api/once";
import { type Exchange, historyOf, type Message, type Outcome } from "../model/chat";

export interface Question {
  readonly query: string;
  readonly version?: number;
  readonly conversation_history?: readonly Message[];
}

/** What a conversation asks of the API. */
export interface Agent {
  /** Start a run that answers, once by key; gives its id. */
  start(question: Question, key: string): Promise<string>;
  /** What has become of a run, after waiting for its end as long as one request may. */
  look(run: string, signal: AbortSignal): Promise<Outcome>;
  cancel(run: string): Promise<void>;
}

export interface ChatState {
  readonly exchanges: readonly Exchange[];
  /** What is written and not sent. */
  readonly draft: string;
  /** Why the draft could not be sent, or the answer not be stopped. */
  readonly problem: unknown;
  /** Whether the server does not answer while it is asked for the end of a run. */
  readonly isLost: boolean;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

export class Chat {
  private state: ChatState = { exchanges: [], draft: "", problem: null, isLost: false };
  private readonly listeners = new Set<() => void>();
  /** What is asked for under which key: the same question that may have been heard is sent under the same one. */
  private sent: { readonly text: string; readonly key: string } | null = null;
  private isToStop = false;
  private following: AbortController | null = null;
  private count = 0;

  constructor(
    private readonly agent: Agent,
    private readonly isFinal: (error: unknown) => boolean,
    private readonly now: () => number = Date.now,
    private readonly pause: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getState = (): ChatState => this.state;

  get isAsking(): boolean {
    return this.state.exchanges.at(-1)?.state === "asking";
  }

  write(draft: string): void {
    this.set({ draft, problem: null });
  }

  /** Begin anew, unless something is being answered. */
  clear(): void {
    if (this.isAsking) return;
    this.set({ exchanges: [], problem: null });
  }

  /** Send what is written, with what was said before. A question that was refused is written again. */
  async ask(version: number | null): Promise<void> {
    const question = this.state.draft.trim();
    if (!question || this.isAsking) return;
    const { messages } = historyOf(this.state.exchanges);
    const body: Question = { query: question, ...(version === null ? {} : { version }), ...(messages.length > 0 ? { conversation_history: messages } : {}) };
    const text = JSON.stringify(body);
    this.sent = this.sent?.text === text ? this.sent : { text, key: newKey() };
    this.isToStop = false;
    const asked: Exchange = { number: ++this.count, question, run: null, askedAt: this.now(), state: "asking" };
    this.set({ exchanges: [...this.state.exchanges, asked], draft: "", problem: null });
    let run: string;
    try {
      run = await this.agent.start(body, this.sent.key);
    } catch (error) {
      if (wasRefused(error)) this.sent = null;
      this.set({ exchanges: this.state.exchanges.filter((e) => e !== asked), draft: [question, this.state.draft].filter(Boolean).join("\n"), problem: error });
      return;
    }
    this.sent = null;
    this.change(asked.number, { state: "asking" }, run);
    if (this.isToStop) await this.stop();
    await this.follow(asked.number, run);
  }

  /** Cancel the run that answers; one that has not begun yet as soon as it has. */
  async stop(): Promise<void> {
    const last = this.state.exchanges.at(-1);
    if (last?.state !== "asking") return;
    this.isToStop = true;
    if (last.run === null) return;
    try {
      await this.agent.cancel(last.run);
      this.following?.abort(); // it may wait for the end for a while: look again at once
    } catch (error) {
      this.set({ problem: error });
    }
  }

  private async follow(number: number, run: string): Promise<void> {
    let pause = FIRST_PAUSE;
    for (;;) {
      this.following = new AbortController();
      const { signal } = this.following;
      try {
        const outcome = await this.agent.look(run, signal);
        pause = FIRST_PAUSE;
        if (this.state.isLost) this.set({ isLost: false });
        if (outcome.state !== "asking") {
          this.change(number, outcome);
          return;
        }
        await this.pause(FIRST_PAUSE); // a server that does not wait is not asked without end
      } catch (error) {
        if (signal.aborted) continue;
        if (this.isFinal(error)) {
          const message = error instanceof Error ? error.message : String(error);
          this.change(number, { state: "failed", failure: { type: "The answer cannot be read", message } });
          return;
        }
        this.set({ isLost: true });
        await this.pause(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  private change(number: number, outcome: Outcome, begun?: string): void {
    const changed = ({ question, askedAt, run }: Exchange): Exchange => ({ number, question, askedAt, run: begun ?? run, ...outcome });
    this.set({ exchanges: this.state.exchanges.map((e) => (e.number === number ? changed(e) : e)) });
  }

  private set(changes: Partial<ChatState>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}
