//! Policies in a test: puts properties on ports and the switch, and asks for the status of features (`heddle.policy/1`).
//!
//! An unsafe island: it calls the functions of the interface's table, as a switch does. What a host checks before it calls
//! (types, ranges, defaults) is the test's to state: it gives all values.
#![allow(unsafe_code)]

use std::ptr;

use heddle_extension_api::abi::policy::{
    PolicyV1, Property, POLICY_STATUS_MAX, PROPERTY_ADD, PROPERTY_DELETE, PROPERTY_UPDATE,
};
use heddle_extension_api::abi::status::{Bytes, ErrorText, E_GONE, OK};

use crate::switch::{failure, TestSwitch};

fn bytes(text: &str) -> Bytes {
    Bytes { data: text.as_ptr(), length: text.len() as u64 }
}

impl TestSwitch {
    fn policies(&self) -> Result<&'static PolicyV1, String> {
        let id = b"heddle.policy/1\0";
        let table = match self.entry().interface {
            // SAFETY: a zero-terminated text.
            Some(interface) => unsafe { interface(id.as_ptr().cast()) }.cast::<PolicyV1>(),
            None => ptr::null(),
        };
        // SAFETY: what the extension offers under this id is such a table, static, and this version has all of its fields.
        unsafe { table.as_ref() }.ok_or_else(|| "it does not offer heddle.policy/1".to_owned())
    }

    fn tell(&mut self, action: u32, port: Option<u32>, feature: &str, values: &str) -> Result<(), String> {
        let table = self.policies()?;
        let function = table.property.ok_or_else(|| "its features only tell their status".to_owned())?;
        let property = Property {
            struct_size: core::mem::size_of::<Property>() as u32,
            action,
            port: port.unwrap_or(0),
            flags: 0,
            feature: bytes(feature),
            instance: bytes("default"),
            values: bytes(values),
        };
        let mut text = ErrorText::default();
        // SAFETY: the instance `create` made; the property and what it points to are valid for the call.
        let status = unsafe { function(self.instance(), &property, &mut text) };
        failure("property", status, &text)?;
        if let Some(done) = table.property_done {
            // SAFETY: as above.
            unsafe { done(self.instance(), &property, OK) };
        }
        Ok(())
    }

    /// Puts a property of a feature on a port (`None` = the switch), with all of its values as lines `key=value`.
    ///
    /// # Errors
    /// What the extension says when it refuses, or that it takes no properties.
    pub fn add_property(&mut self, port: Option<u32>, feature: &str, values: &str) -> Result<(), String> {
        self.tell(PROPERTY_ADD, port, feature, values)
    }

    /// Gives a property new values, all of them.
    ///
    /// # Errors
    /// As [`TestSwitch::add_property`].
    pub fn update_property(&mut self, port: Option<u32>, feature: &str, values: &str) -> Result<(), String> {
        self.tell(PROPERTY_UPDATE, port, feature, values)
    }

    /// Takes a property away.
    ///
    /// # Errors
    /// When the extension refuses, which it may not.
    pub fn delete_property(&mut self, port: Option<u32>, feature: &str) -> Result<(), String> {
        self.tell(PROPERTY_DELETE, port, feature, "")
    }

    /// What it tells of a feature on a port (`None` = the switch), as lines `key=value`; `None` when it tells nothing.
    ///
    /// # Errors
    /// When it answers with anything but a text or that there is none.
    pub fn status(&mut self, port: Option<u32>, feature: &str) -> Result<Option<String>, String> {
        let function = match self.policies()?.status {
            Some(function) => function,
            None => return Ok(None),
        };
        let mut room = vec![0_u8; POLICY_STATUS_MAX as usize];
        let mut length = 0_u32;
        // SAFETY: the instance `create` made; the room is as long as is said, and both outlive the call.
        let status = unsafe {
            function(
                self.instance(),
                bytes(feature),
                port.unwrap_or(0),
                room.as_mut_ptr(),
                POLICY_STATUS_MAX,
                &mut length,
            )
        };
        match status {
            OK => {}
            E_GONE => return Ok(None),
            other => return Err(format!("status answered {}", other)),
        }
        room.truncate(length as usize);
        String::from_utf8(room).map(Some).map_err(|error| error.to_string())
    }
}
