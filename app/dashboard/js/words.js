// What the service's words mean, in a sentence.

export const STATES = ["running", "waiting", "paused", "idle"];

const EVENTS = {
  run: "Message came, and runs",
  queue: "Message came, and waits",
  interrupt: "Message came, and interrupts the run",
  steer: "Message came, and is offered to the run",
  reject: "Message refused",
  answer: "Message answers the run",
  kept: "Message kept for the next run",
  control: "Control given",
  granted: "Run granted",
  ended: "Run ended",
  seen: "Run has seen a message",
  sealed: "Run sealed: its reply goes out",
  stop_asked: "Run asked to stop",
  release_asked: "Lease taken by an operator",
  reset_asked: "Reset asked for",
  reset: "New session id",
  paused: "Paused",
  resumed: "Resumed",
  removed: "Message removed",
  amended: "Message edited",
  dead: "Message set aside as a dead letter",
  redriven: "Dead letter put back",
  thread_bound: "Thread bound",
  conversation: "Joined to this conversation",
};

const REASONS = {
  session_idle: "the session was free",
  same_sender_active: "its own sender's run is active",
  other_sender_active: "somebody else's run is active",
  interrupt_pending: "the run has been asked to stop already",
  internal: "a background notice waits its turn",
  paused: "the session is paused",
  retry_delay: "a failed batch waits before its next try",
  debounce: "more may follow from the same person",
  dispatch_worker: "a worker is to take it",
  group: "other parts of its album may follow",
  other_account: "the head of the queue is another account's",
  queue_full: "the queue is full",
  sender_queue_full: "this sender has too much waiting",
  busy_reject: "the policy refuses while a run is active",
  bot_limit: "too many messages of bots",
  not_owner: "it is not this sender's to give",
  run_sealed: "the run is about to send its reply",
  run_held: "the run holds off interruptions",
  too_late: "the reply is going out already",
  too_old: "it is too old to tell from a repeat",
  nothing_runs: "nothing runs",
  operator: "by an operator",
  completed: "its holder completed it",
  lease_expired: "its lease ran out: no heartbeat came",
  max_run: "it took longer than a run may",
  grace: "it did not stop in the time it was given",
  forced: "an operator took its lease",
  released: "its holder gave it back",
  failed: "its holder says it failed",
  interrupted: "its holder stopped",
  max_deliveries: "its runs failed too often",
  session_deleted: "the session was deleted",
  stopped: "its sender said stop",
  deleted: "its sender deleted it",
  discarded: "an operator let it go",
  overflow: "the queue was full",
  expired: "it waited too long",
  idle: "nobody wrote for long enough",
  daily: "the day's hour had come",
  reset: "its sender asked for a reset",
};

export const eventIn = (word) => EVENTS[word] ?? word;
export const reasonIn = (word) => REASONS[word] ?? null;

/** `1 message`, `3 messages`. */
export const count = (number, noun) =>
  `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
