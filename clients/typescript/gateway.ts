// A gateway in TypeScript: sends one message, runs what it is granted, completes it.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

type Message = components["schemas"]["Message"];
type Run = components["schemas"]["Run"];

const router = createClient<paths>({ baseUrl: process.argv[2] ?? "http://127.0.0.1:8080" });
const consumer = `ts-${crypto.randomUUID()}`;

async function answer(run: Run): Promise<Run | null> {
  console.log(`${run.route.chat_id}: ${run.text}`);
  const { data, error } = await router.POST("/v1/runs/{run_id}/complete", {
    params: { path: { run_id: run.id } },
    body: { fence: run.fence, outcome: "completed" },
  });
  if (error) throw new Error(error.detail);
  return data.next ?? null;
}

const message: Message = {
  message_id: crypto.randomUUID(),
  consumer,
  source: { platform: "discord", chat_type: "group", chat_id: "123", user_id: "456" },
  text: "hello from TypeScript",
};
const { data: decision, error } = await router.POST("/v1/messages", { body: message });
if (error) throw new Error(error.detail);
console.log(decision.decision, decision.reason);

let run: Run | null = decision.run ?? null;
while (run) run = await answer(run);
