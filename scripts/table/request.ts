/** What a reader is asked, and what it answers. This file imports nothing: the library's types are made of it. */

/** What a decision looks at. Characters are bytes. */
export interface Request {
  /** null where the request has none. */
  authority: string | null;
  /** The raw target: path and query. */
  target: string;
  /** GET where it is left out. */
  method?: string;
  /** Names in any case; without pseudo-headers. */
  headers?: readonly (readonly [name: string, value: string])[];
  body?: string | null;
  /** The client's address without port, null where it is not known. */
  client?: string | null;
}

/** Where a request is asked about. */
export interface Where {
  /** Name of the listener; null: the table's first. */
  listener: string | null;
  /** This proxy is in a secondary data centre. */
  secondary: boolean;
  /** The proxy routes before it has a body, as ATS does: where the body should say the wiki, the host does. */
  bodiless?: boolean;
}

/** What a reader says of a request. */
export type Answer = RouteAnswer | ReplyAnswer | PassAnswer;

/** The request goes to a cluster. */
export interface RouteAnswer {
  kind: "route";
  wiki: string | null;
  group: string | null;
  release: string;
  /** Without `php-`. */
  version: string;
  deployment: string;
  cluster: string;
  /** What Host is set to, null where it stays. */
  host: string | null;
  /** The response says what was decided. */
  debug: boolean;
}

/** The proxy answers itself. */
export interface ReplyAnswer {
  kind: "reply";
  /** 400…599 */
  status: number;
  body: string;
}

/** The request is not ours and passes through. */
export interface PassAnswer {
  kind: "pass";
}
