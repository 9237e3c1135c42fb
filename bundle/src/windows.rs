//! The schema of windows of a series: every channel at every step.

use crate::error::Result;
use crate::schema::{Column, Schema};

/// What ends the name of a channel at the first step.
const FIRST_STEP: &str = "[0]";

impl Schema {
    /// These channels at each of `steps` steps, step after step: `speed[0]`, `load[0]`, `speed[1]` and so on. A channel has one scale at
    /// all steps.
    ///
    /// ```
    /// use bundle::{Column, Schema};
    ///
    /// let channels = Schema::new(vec![Column::number("speed", 0., 1.), Column::number("load", 5., 2.)])?;
    /// let windows = channels.windowed(2)?;
    /// assert_eq!(windows.columns()[3].name, "load[1]");
    /// assert_eq!(windows.channels(2), channels.columns());
    /// # Ok::<(), bundle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Schema::new`].
    pub fn windowed(&self, steps: usize) -> Result<Self> {
        let step = |step: usize| {
            let column = move |column: &Column| Column {
                name: format!("{}[{step}]", column.name),
                flag_missing: false,
                ..column.clone()
            };
            self.columns().iter().map(column)
        };
        Self::new((0..steps).flat_map(step).collect())
    }

    /// The channels of windows of `steps` steps, as [`Schema::windowed`] took them; of one step, the columns themselves.
    pub fn channels(&self, steps: usize) -> Vec<Column> {
        if steps == 1 {
            return self.columns().to_vec();
        }
        let first = self.columns().iter().take(self.raw_len() / steps.max(1));
        let channel = |column: &Column| {
            let name = column.name.strip_suffix(FIRST_STEP).unwrap_or(&column.name).into();
            Column { name, ..column.clone() }
        };
        first.map(channel).collect()
    }
}
