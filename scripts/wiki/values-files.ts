/** Where a deployment's values files are, a file a release: for those who have a table and no farm. */
import { IMAGE_KEY, type Images, RELEASE_IN_NAME, readImages } from "../sources/images-file.ts";
import { NAME } from "../sources/names.ts";
import { quote, SourceError } from "../sources/problem.ts";
import type { NamedRelease } from "./facts.ts";

/**
 * The images of a release, which are of its own version: the tag has it, between other characters than names have.
 * Throws SourceError.
 * @param files as `/srv/release/mw-script-{release}-eqiad.yaml`
 */
export function imagesIn(files: string, { name, version }: NamedRelease): Images {
  if (!NAME.test(name)) throw new SourceError({ file: "the table" }, `release ${quote(name)} has no file`);
  const images = readImages(files.replaceAll(RELEASE_IN_NAME, name), IMAGE_KEY, { file: "--values" });
  if (hasVersion(images.tag, version)) return images;
  const what = `the image's tag ${quote(images.tag)} has not the version ${version}, which release ${quote(name)} runs`;
  throw new SourceError(images.place, `${what}: deploy that version there, or wait for it`);
}

/** `1.47.0-wmf.1` is in `1.47.0-wmf.1-2026-08-20-publish`, and not in `1.47.0-wmf.10-2026-08-20-publish`. */
function hasVersion(tag: string, version: string): boolean {
  for (let at = tag.indexOf(version); at !== -1; at = tag.indexOf(version, at + 1)) {
    const before = tag[at - 1] ?? "-";
    const after = tag[at + version.length] ?? "-";
    if (!/[A-Za-z0-9.]/.test(before) && !/[A-Za-z0-9.]/.test(after)) return true;
  }
  return false;
}
