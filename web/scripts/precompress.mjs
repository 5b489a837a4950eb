// Writes NAME.br and NAME.gz beside every compressible file of the build, so that the hub sends ready-made bytes.
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const root = process.argv[2] ?? "dist";
const compressible = /\.(m?js|css|html|svg|json|webmanifest|wasm|txt)$/;
const smallest = 1024; // below this the header costs more than is won

async function filesBelow(directory) {
  const entries = await readdir(directory, { withFileTypes: true });
  const lists = await Promise.all(
    entries.map((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    }),
  );
  return lists.flat();
}

async function compress(path) {
  const bytes = await readFile(path);
  const quality = bytes.length > 1_000_000 ? 9 : 11; // 11 takes minutes on the viewer's megabytes, for 3 % less
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
    promisify(gzip)(bytes, { level: 9 }),
  ]);
  if (br.length < bytes.length) await writeFile(`${path}.br`, br);
  if (gz.length < bytes.length) await writeFile(`${path}.gz`, gz);
  return [bytes.length, gz.length, br.length];
}

const started = Date.now();
let total = [0, 0, 0];
for (const path of await filesBelow(root)) {
  if (!compressible.test(path) || (await stat(path)).size < smallest) continue;
  const sizes = await compress(path);
  total = total.map((sum, i) => sum + sizes[i]);
}
const kib = (n) => `${Math.round(n / 1024)} KiB`;
console.log(`precompressed: ${kib(total[0])} -> gzip ${kib(total[1])}, brotli ${kib(total[2])} in ${Date.now() - started} ms`);
