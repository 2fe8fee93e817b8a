/** A WebSocket whose other side is the test; the platform's own has no server to talk to here. */

type Frame = Record<string, unknown>;

export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error("no connection was opened");
    return socket;
  }

  readyState = 0;
  readonly sent: Frame[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor() {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Frame);
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(op: string, fields: Frame = {}): void {
    this.onmessage?.({ data: JSON.stringify({ op, ...fields }) });
  }

  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** Subscribed and caught up, as a service that has nothing to tell. */
  welcome(id = 1): void {
    this.open();
    const fields = { id, epoch: "e", head: 1, recovered: false, missed: null };
    this.say("subscribed", fields);
    this.say("snapshot", { id, sequence: 1, jobs: [], more: false });
    this.say("caught_up", { id, sequence: 1 });
  }

  event(sequence: number, id = 1): void {
    const type = "heliograph.job.started.v1";
    this.say("event", { id, sequence, type, job: { id: "job_1", revision: sequence } });
  }
}
