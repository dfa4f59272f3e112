/** What cannot be rendered is refused. */
import { Refusal } from "../../refusal.ts";

/** What `render` makes. Throws Refusal where it throws RangeError: the options do not fit the table. */
export function refusing<T>(render: () => T): T {
  try {
    return render();
  } catch (error) {
    throw error instanceof RangeError ? new Refusal(error.message) : error;
  }
}
