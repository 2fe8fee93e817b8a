/** The live connection of a project: opened again when it breaks, going on where it was. */

import { index } from "./api";
import type { Job, Progress } from "./types";

export interface Connection {
  state: "connecting" | "catching up" | "live" | "waiting" | "polling" | "closed";
  missed?: number;
  caughtUp?: number;
  reason?: string;
}
export interface Watch {
  close(): void;
}
interface Handlers {
  jobs(changed: Job[]): void;
  connection(connection: Connection): void;
}

export function watchProject(project: string, on: Handlers): Watch {
  let socket: WebSocket | undefined;
  let closed = false;
  let after: { epoch: string; sequence: number } | undefined;
  let epoch = "";
  const known = new Map<string, Job>();
  const take = (job: Job) => {
    known.set(job.id, job);
    on.jobs([job]);
  };
  const open = async () => {
    try {
      const { links } = await index();
      if (closed) return;
      socket = new WebSocket(links.live!, "heliograph.live.v1");
    } catch {
      if (!closed) setTimeout(open, 1000);
      return;
    }
    socket.onopen = () => socket!.send(JSON.stringify({ op: "subscribe", id: 1, project, after }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.op === "subscribed") {
        epoch = frame.epoch;
        on.connection({ state: "live" });
      }
      if (frame.op === "snapshot") frame.jobs.forEach(take);
      if (frame.op === "event") take(frame.job);
      if (frame.op === "progress") {
        const job = known.get(frame.job);
        if (job) take({ ...job, phase: frame.phase, progress: frame.progress as Progress });
      }
      if (frame.sequence && !frame.more) after = { epoch, sequence: frame.sequence };
    };
    socket.onclose = () => {
      if (closed) return;
      on.connection({ state: "waiting" });
      setTimeout(open, 1000);
    };
  };
  void open();
  return {
    close() {
      closed = true;
      socket?.close();
    },
  };
}
