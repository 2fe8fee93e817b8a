import "@fontsource-variable/inter/wght.css";
import { mount } from "svelte";
import { access } from "./app/access.svelte";
import App from "./app/App.svelte";
import { appearance } from "./app/theme.svelte";
import { reloadOnNewBuild } from "./app/new-build";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";

reloadOnNewBuild();
appearance.apply();
void access.look();
mount(App, { target: document.getElementById("app")! });
