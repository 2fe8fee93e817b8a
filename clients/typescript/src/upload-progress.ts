/** A `fetch` for uploads that tells how far it is: `XMLHttpRequest` knows, `fetch` itself does not. */
import type { UploadProgress } from "./uploads.js";

/** Undefined where the platform has no `XMLHttpRequest`, as Node. */
export function putWithProgress(
  onProgress: (progress: UploadProgress) => void,
): typeof fetch | undefined {
  if (typeof XMLHttpRequest === "undefined") return undefined;
  return (url, { method = "PUT", headers, body, signal, credentials } = {}) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const fail = (): void => {
        reject(signal?.aborted ? (signal.reason as Error) : new TypeError("the upload broke off"));
      };
      request.open(method, url as string);
      request.withCredentials = credentials === "include";
      new Headers(headers).forEach((value, name) => {
        request.setRequestHeader(name, value);
      });
      request.upload.onprogress = ({ loaded, total }) => {
        onProgress({ sent: loaded, total });
      };
      request.onload = () => {
        const { status, responseText } = request;
        resolve(new Response(responseText, { status }));
      };
      request.onerror = request.onabort = fail;
      signal?.addEventListener("abort", () => {
        request.abort();
      });
      request.send(body as Blob);
    });
}
