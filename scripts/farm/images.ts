/** The images that a release runs, out of the values file that its deployment wrote. */
import { RELEASE_IN_NAME } from "../sources/images-file.ts";
import { quote, SourceError } from "../sources/problem.ts";
import { readText } from "../sources/text.ts";
import { type DeployedImage, readVersionFromValues } from "../sources/values-file.ts";
import type { Farm } from "./farm.ts";
import type { Releases } from "./releases.ts";

/**
 * They are of the release's own version. Throws SourceError.
 * @param files where the values of another deployment's releases are, as `releases:mw-script-{release}-eqiad.yaml`;
 * null: those that the farm takes its versions from
 */
export function imagesOf(
  farm: Farm,
  { name, version }: Releases["list"][number],
  files: string | null,
): DeployedImage {
  const says = farm.says.releases[name];
  const path = says === undefined ? ["releases"] : ["releases", name];
  const reference = files?.replaceAll(RELEASE_IN_NAME, name) ?? says?.values;
  if (reference === undefined) {
    const what = `no values file says which image release ${quote(name)} runs`;
    throw new SourceError(
      farm.place(path, "key"),
      `${what}: say \`values: FILE\`, or name the files by --values`,
    );
  }
  const rule = farm.says["version-from-image"];
  if (!rule) {
    const what = "the farm does not say where the image is in a values file: say `version-from-image`";
    throw new SourceError({ file: farm.file }, what);
  }
  const file = farm.path(reference, path);
  readText(file, files === null ? farm.place(path) : { file: "--values" }); // said there if it cannot be read
  const deployed = readVersionFromValues(file, {
    ...rule,
    place: farm.place(["version-from-image", "pattern"]),
  });
  if (deployed.version === version) return deployed;
  const what = `the image's tag ${quote(deployed.tag)} is of ${deployed.version}, and release ${quote(name)} runs ${version}`;
  throw new SourceError(deployed.place, `${what}: deploy that version there, or wait for it`);
}
