// An open page hears what happens to its account, and says so at once when its session has ended.
"use strict";

(() => {
	const name = document.body.dataset.live;
	if (name) listen(name);

	// Nothing is to be sent twice by a second click. Forms come and go with the list of devices, so the page listens.
	document.addEventListener("submit", (event) => {
		const form = event.target;
		if (!form.dataset.busy) return;
		const button = form.querySelector("button");
		button.disabled = true;
		button.textContent = form.dataset.busy;
	});

	function listen(name) {
		let source = null;
		let retry = 0;
		let over = false;
		let lost = false;

		function open() {
			if (over || source) return;
			source = new EventSource("/events");
			source.addEventListener("account", (event) => {
				say(event.data);
				check();
			});
			// Nobody told this page what happened while it could not hear.
			source.addEventListener("open", () => {
				if (lost) check();
				lost = false;
			});
			// The session has ended, or only its token was replaced: by a sign-in or a new password in another tab.
			source.addEventListener("ended", () => {
				close();
				check();
			});
			source.addEventListener("error", () => {
				lost = true;
				// A lost connection comes back by itself. A refused one does not.
				if (source && source.readyState === EventSource.CLOSED) {
					close();
					check();
				}
			});
		}

		function close() {
			if (source) source.close();
			source = null;
			clearTimeout(retry);
		}

		// check asks who is signed in now, and shows the devices as they are.
		async function check() {
			let answer, html;
			try {
				answer = await fetch("/devices/list", { cache: "no-store" });
				html = await answer.text();
			} catch {
				return again();
			}
			if (over) return;
			if (answer.status === 401) return end();
			if (!answer.ok) return again();
			const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("devices");
			if (!fresh || fresh.dataset.name !== name) return end();
			const shown = document.getElementById("devices");
			if (shown && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
			open();
		}

		function again() {
			clearTimeout(retry);
			retry = setTimeout(check, 3000);
		}

		function end() {
			over = true;
			close();
			document.title = "Signed out · Wayside Tea";
			document.getElementById("ended").showModal();
		}

		// Back from the browser's cache, the page may be long out of date.
		addEventListener("pageshow", (event) => {
			if (event.persisted) location.reload();
		});
		// A browser keeps few connections to one host: pages that nobody looks at give theirs back.
		document.addEventListener("visibilitychange", () => {
			if (over) return;
			if (document.hidden) close();
			else check();
		});
		// What the reader does on this page is no news to it: signing out here ends the session, and the page goes away.
		addEventListener("submit", () => {
			close();
			again();
		});
		addEventListener("pagehide", () => {
			over = true;
			close();
		});
		document.getElementById("ended").addEventListener("cancel", (event) => event.preventDefault());

		if (!document.hidden) open();
	}

	function say(text) {
		const line = document.createElement("p");
		line.className = "notice";
		line.dataset.test = "live";
		line.textContent = text;
		document.getElementById("live").replaceChildren(line);
	}
})();
