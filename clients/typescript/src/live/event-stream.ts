/** The format of server-sent events: the `data` of each event, as it comes. */

/** @param onBytes Told that something came, be it only a comment that says that the service is there. */
export async function* eventsOf(
  response: Response,
  onBytes: () => void,
): AsyncGenerator<string, void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    onBytes();
    text += decoder.decode(read.value, { stream: true });
    const events = text.split(/\r?\n\r?\n/);
    text = events.pop() ?? "";
    for (const event of events) {
      const data = dataOf(event);
      if (data !== "") yield data;
    }
  }
}

/** Its lines of data; comments and other fields are left out. */
function dataOf(event: string): string {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).trimStart()).join("\n");
}
