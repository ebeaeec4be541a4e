/** Put in by the build, from package.json. */
declare const VERSION: string;
interface Window {
  [name: string]: any;
}
interface Navigator {
  globalPrivacyControl?: boolean;
}
