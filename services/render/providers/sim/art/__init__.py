"""How the sim draws: `painting` makes a poster of a prompt, `motion` sets its landscape in motion."""
