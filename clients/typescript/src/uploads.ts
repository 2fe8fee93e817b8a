/** Uploads, by their SHA-256: the same bytes are sent once. */
import { NotReachable } from "./errors.js";
import type { Gateway } from "./http/gateway.js";
import type { CallOptions } from "./options.js";
import { sha256Hex } from "./sha256.js";
import type { Reference, Upload, WithBlobs } from "./types.js";
import { putWithProgress } from "./upload-progress.js";

const TIMEOUT = 600_000; // milliseconds, of one try
const REMEMBERED = 1_000;

export interface UploadProgress {
  sent: number; // bytes
  total: number;
}

export interface UploadOptions extends CallOptions {
  onProgress?: (progress: UploadProgress) => void;
}

export class Uploads {
  readonly #gateway: Gateway;
  readonly #project: string;
  readonly #known = new Map<string, Upload>();

  constructor(gateway: Gateway, project: string) {
    this.#gateway = gateway;
    this.#project = project;
  }

  /**
   * Store a picture or a video to work from; `{ upload }` of the answer is the reference to it.
   *
   * @throws {Refused} `output_refused`: no accepted type of file.
   */
  async put(file: Blob, options: UploadOptions = {}): Promise<Upload> {
    const sha256 = await sha256Hex(file);
    options.signal?.throwIfAborted();
    const upload = this.#known.get(sha256) ?? (await this.#send(file, sha256, options));
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(sha256, upload);
    options.onProgress?.({ sent: file.size, total: file.size });
    return upload;
  }

  /** The request, with its files uploaded and named. */
  async resolve<T extends { references?: Reference[] }>(
    request: WithBlobs<T>,
    options: CallOptions,
  ): Promise<T> {
    const files = request.references?.some((reference) => reference instanceof Blob);
    if (!request.references || !files) return request as T;
    const { signal } = options;
    const references = request.references.map(async (reference) => {
      if (!(reference instanceof Blob)) return reference;
      return { upload: (await this.put(reference, signal ? { signal } : {})).upload };
    });
    return { ...request, references: await Promise.all(references) } as unknown as T;
  }

  async #send(file: Blob, sha256: string, options: UploadOptions): Promise<Upload> {
    const { links } = await this.#gateway.index();
    const url = links.uploads
      .replace("{project}", encodeURIComponent(this.#project))
      .replace("{hex}", sha256);
    const fetch = options.onProgress ? putWithProgress(options.onProgress) : undefined;
    const request = { method: "PUT", url, headers: {}, body: file, ...(fetch && { fetch }) };
    const { body } = await this.#gateway.transport.send(request, { timeout: TIMEOUT, ...options });
    if (typeof body !== "object" || body === null) throw new NotReachable(url, "no upload service");
    return body as Upload;
  }
}
